// model/optimizer.h - the optimizer of a model: one sharded AdamW a group of trainable parameters.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "device/side_queue.h"
#include "model/parameters.h"
#include "optim/sharded_adamw.h"

namespace isogloss {

/// Where a stretch of one parameter lies in a shard of optimizer state.
struct ShardPiece {
    std::size_t parameter = 0;  ///< index into the table
    Range in_parameter;         ///< elements of the parameter
    Range in_shard;             ///< the same elements, in the views of the shard
};

/// When gradients are summed over ranks.
enum class GradientReduction : std::uint8_t {
    after_backward,
    during_backward,  ///< block by block: beside the work of a GPU
};

/// Optimizer state of this rank: for every trainable group of the table, the rank's part of masters
/// and moments. The table must outlive it.
class Optimizer {
public:
    /// Made after the values were initialised or loaded: masters are copies of them. Not
    /// collective.
    explicit Optimizer(ParameterTable& parameters);
    Optimizer(ParameterTable& parameters, GradientReduction reduction);

    /// The step's gradients of block `block` and of all that comes after it (block `num_layers`:
    /// only of what comes after the last) are complete, and nobody writes to them any more. Begins
    /// to reduce them, if that is done during the backward pass; the host goes on. Collective, for
    /// falling blocks.
    void begin_reduction(std::int32_t block);

    /// Sums the gradients over the ranks that share them, those of begin_reduction included.
    /// Returns the norm of the whole gradient, each parameter counted once. Collective over
    /// `world`.
    double reduce_gradients(MpiComm const& world);

    /// One update of all trainable parameters. Collective over the groups.
    void update(AdamwStep const& step);

    /// One a trainable group, in the table's order.
    [[nodiscard]] std::span<ShardedAdamw> shards() { return shards_; }
    [[nodiscard]] std::span<ShardedAdamw const> shards() const { return shards_; }
    /// What shard `shard` holds here, ascending; padding is left out. A checkpoint saves these
    /// stretches of master(), first_moment() and second_moment(), and fills in those it finds when
    /// it loads, whatever ranks wrote them.
    [[nodiscard]] std::vector<ShardPiece> const& pieces(std::size_t shard) const {
        return pieces_.at(shard);
    }

private:
    /// Reduces the elements of every shard from begin[shard] on that are not reduced yet, and adds
    /// up their squares, in side queues.
    void reduce_from(std::span<std::int64_t const> begin);

    ParameterTable* parameters_;
    GradientReduction reduction_;
    SideQueue exchanges_;
    SideQueue squares_;  ///< of what is reduced: read where the GPU would idle
    std::vector<ShardedAdamw> shards_;
    std::vector<std::vector<ShardPiece>> pieces_;
    std::vector<std::size_t> first_of_block_;  ///< [block] parameter; the last: after the blocks
    std::vector<std::vector<std::int64_t>> begin_of_block_;  ///< [block][shard] element
    std::vector<std::int64_t> unreduced_;  ///< [shard] elements before the first that is reduced
};

}  // namespace isogloss

// model/optimizer.h - the optimizer of a model: one sharded AdamW a group of trainable parameters.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "device/queue_mark.h"
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

/// When gradients are summed over ranks and values updated.
enum class OptimizerWork : std::uint8_t {
    between_passes,
    beside_passes,  ///< block by block: beside the work of a GPU on other blocks
};

/// Optimizer state of this rank: for every trainable group of the table, the rank's part of masters
/// and moments. The table must outlive it; one at a time works on a table.
class Optimizer {
public:
    /// Made after the values were initialised or loaded: masters are copies of them. Not
    /// collective.
    explicit Optimizer(ParameterTable& parameters);
    Optimizer(ParameterTable& parameters, OptimizerWork work);
    ~Optimizer();
    Optimizer(Optimizer const&) = delete;  // the table knows its address
    Optimizer& operator=(Optimizer const&) = delete;

    /// The last training pass of a step begins, whose forward part has so many operations here. The
    /// next pass is thought to be like it.
    void begin_pass(double forward_flops) { forward_flops_ = forward_flops; }

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
    ///
    /// A GPU may do it beside the next pass, each block's before the pass comes to the block; what
    /// reads values or state through the table or shards() finds them updated in any case.
    void update(AdamwStep const& step);

    /// One a trainable group, in the table's order.
    [[nodiscard]] std::span<ShardedAdamw> shards() {
        await_values(parameters_->num_blocks());
        return shards_;
    }
    [[nodiscard]] std::span<ShardedAdamw const> shards() const {
        parameters_->await_values(parameters_->num_blocks());
        return shards_;
    }
    /// What shard `shard` holds here, ascending; padding is left out. A checkpoint saves these
    /// stretches of master(), first_moment() and second_moment(), and fills in those it finds when
    /// it loads, whatever ranks wrote them.
    [[nodiscard]] std::vector<ShardPiece> const& pieces(std::size_t shard) const {
        return pieces_.at(shard);
    }

private:
    /// Reduces the elements of every shard from block `block` on that are not reduced yet, and adds
    /// up their squares, in side queues.
    void reduce_from(std::int32_t block);
    /// Updates the elements of every shard from updated_[shard] on that belong to blocks before
    /// `block`, in `stream`, and gives out the new values.
    void update_until(std::int32_t block, AdamwStep const& step, Stream stream);
    /// What is queued from now on finds the new values of all blocks up to `block`.
    void await_values(std::int32_t block);
    [[nodiscard]] std::int32_t multiprocessors_of_update() const;

    ParameterTable* parameters_;
    OptimizerWork work_;
    bool updates_beside_passes_ = false;
    SideQueue exchanges_;
    SideQueue squares_;             ///< of what is reduced: read where the GPU would idle
    SideQueue updates_;             ///< of values, beside the next pass
    std::int32_t multiprocessors_;  ///< of the GPU
    std::vector<ShardedAdamw> shards_;
    std::vector<std::vector<ShardPiece>> pieces_;
    std::vector<std::vector<std::int64_t>>
        begin_of_block_;  ///< [block][shard] element; block num_blocks + 1: the end
    std::vector<std::int64_t> unreduced_;  ///< [shard] elements before the first that is reduced
    std::vector<std::int64_t> updated_;    ///< [shard] elements before the first that is not
    std::vector<QueueMark> values_there_;  ///< [block] of an update under way
    double forward_flops_ = 0.0;           ///< of a pass; 0: not known
};

}  // namespace isogloss

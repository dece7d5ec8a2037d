// model/optimizer.h - the optimizer of a model: one sharded AdamW a group of trainable parameters.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/parameters.h"
#include "optim/sharded_adamw.h"

namespace isogloss {

/// Where a stretch of one parameter lies in a shard of optimizer state.
struct ShardPiece {
    std::size_t parameter = 0;  ///< index into the table
    Range in_parameter;         ///< elements of the parameter
    Range in_shard;             ///< the same elements, in the views of the shard
};

/// Optimizer state of this rank: for every trainable group of the table, the rank's part of masters
/// and moments. The table must outlive it.
class Optimizer {
public:
    /// Made after the values were initialised or loaded: masters are copies of them. Not
    /// collective.
    explicit Optimizer(ParameterTable& parameters);

    /// Sums the gradients over the ranks that share them. Returns the norm of the whole gradient,
    /// each parameter counted once. Collective over `world`.
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
    std::vector<ShardedAdamw> shards_;
    std::vector<std::vector<ShardPiece>> pieces_;
};

}  // namespace isogloss

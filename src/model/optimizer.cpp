// model/optimizer.cpp
#include "model/optimizer.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "base/math.h"
#include "optim/gradient_norm.h"

namespace isogloss {
namespace {

OptimizedParameters optimized(ParameterGroup& group, std::span<ParameterSpec const> specs) {
    OptimizedParameters parameters;
    parameters.group = &group.comm;
    parameters.dtype = group.dtype;
    parameters.values = group.values.data();
    parameters.gradients = group.gradients.view();
    for (std::size_t m = 0; m < group.members.size(); ++m) {
        auto const& spec = specs[group.members[m]];
        if (spec.decays) {
            parameters.decayed.push_back({group.offsets[m], group.offsets[m] + spec.size()});
        }
    }
    return parameters;
}

std::vector<ShardPiece> pieces_of(
    ParameterGroup const& group, std::span<ParameterSpec const> specs, Range owned
) {
    std::vector<ShardPiece> pieces;
    for (std::size_t m = 0; m < group.members.size(); ++m) {
        auto const begin = group.offsets[m];
        auto const end = begin + specs[group.members[m]].size();
        Range const common{std::max(begin, owned.begin), std::min(end, owned.end)};
        if (common.size() > 0) {
            pieces.push_back(
                {group.members[m],
                 {common.begin - begin, common.end - begin},
                 {common.begin - owned.begin, common.end - owned.begin}}
            );
        }
    }
    return pieces;
}

// Parameters are in the order of the blocks, with what is outside of them before and after.
std::vector<std::size_t> first_of_blocks(std::span<ParameterSpec const> specs) {
    std::vector<std::size_t> first;
    std::size_t after = 0;
    for (std::size_t i = 0; i < specs.size(); ++i) {
        if (specs[i].layer >= 0) {
            first.resize(index(specs[i].layer + 1), i);
            after = i + 1;
        }
    }
    first.push_back(after);
    return first;
}

// Where the members of a group from parameter `first` on begin.
std::int64_t beginning_in(ParameterGroup const& group, std::size_t first) {
    auto const found = std::ranges::lower_bound(group.members, first);
    return found == group.members.end() ? group.size
                                        : group.offsets[index(found - group.members.begin())];
}

}  // namespace

Optimizer::Optimizer(ParameterTable& parameters)
    : Optimizer(
          parameters,
          parameters.device() == Device::cpu ? GradientReduction::after_backward
                                             : GradientReduction::during_backward
      ) {}

Optimizer::Optimizer(ParameterTable& parameters, GradientReduction reduction)
    : parameters_(&parameters),
      reduction_(reduction),
      exchanges_(parameters.device(), Urgency::urgent),
      squares_(parameters.device(), Urgency::idle_time),
      first_of_block_(first_of_blocks(parameters.specs())),
      begin_of_block_(first_of_block_.size()) {
    for (auto& group : parameters.groups()) {
        if (!group.trainable) {
            continue;
        }
        shards_.emplace_back(optimized(group, parameters.specs()));
        pieces_.push_back(pieces_of(group, parameters.specs(), shards_.back().owned()));
        unreduced_.push_back(group.size);
        for (std::size_t block = 0; block < first_of_block_.size(); ++block) {
            begin_of_block_[block].push_back(beginning_in(group, first_of_block_[block]));
        }
    }
}

void Optimizer::begin_reduction(std::int32_t block) {
    if (reduction_ == GradientReduction::after_backward) {
        return;
    }
    auto const first = first_of_block_.at(index(block));
    parameters_->settle_gradients(
        {static_cast<std::int64_t>(first), static_cast<std::int64_t>(parameters_->specs().size())}
    );
    reduce_from(begin_of_block_.at(index(block)));
}

void Optimizer::reduce_from(std::span<std::int64_t const> begin) {
    for (std::size_t s = 0; s < shards_.size(); ++s) {
        if (begin[s] < unreduced_[s]) {
            Range const its{begin[s], std::exchange(unreduced_[s], begin[s])};
            exchanges_.begin(Stream{});
            shards_[s].reduce_gradients(its, exchanges_.stream());
            squares_.begin(exchanges_.stream());
            shards_[s].begin_squares(its, squares_.stream());
        }
    }
}

double Optimizer::reduce_gradients(MpiComm const& world) {
    // Block by block here too: so the sums have the same bits whenever they were begun.
    for (auto const& begin : std::views::reverse(begin_of_block_)) {
        reduce_from(begin);
    }
    reduce_from(std::vector<std::int64_t>(shards_.size(), 0));
    exchanges_.end(Stream{});
    for (std::size_t s = 0; s < shards_.size(); ++s) {
        unreduced_[s] = shards_[s].num_elements();
    }
    return gradient_norm(shards_, world, squares_.stream());
}

void Optimizer::update(AdamwStep const& step) {
    for (auto& shard : shards_) {
        shard.update_own(step);
        exchanges_.begin(Stream{});
        shard.share_values(exchanges_.stream());  // while the next one is updated
    }
    exchanges_.end(Stream{});
}

}  // namespace isogloss

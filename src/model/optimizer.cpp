// model/optimizer.cpp
#include "model/optimizer.h"

#include <algorithm>

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

}  // namespace

Optimizer::Optimizer(ParameterTable& parameters) {
    for (auto& group : parameters.groups()) {
        if (group.trainable) {
            shards_.emplace_back(optimized(group, parameters.specs()));
            pieces_.push_back(pieces_of(group, parameters.specs(), shards_.back().owned()));
        }
    }
}

double Optimizer::reduce_gradients(MpiComm const& world) {
    for (auto& shard : shards_) {
        shard.reduce_gradients();
    }
    return gradient_norm(shards_, world);
}

void Optimizer::update(AdamwStep const& step) {
    for (auto& shard : shards_) {
        shard.update(step);
    }
}

}  // namespace isogloss

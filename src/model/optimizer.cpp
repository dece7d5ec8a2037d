// model/optimizer.cpp
#include "model/optimizer.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/math.h"
#include "device/cuda_device.h"
#include "model/update_share.h"
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
          parameters.device() == Device::cpu ? OptimizerWork::between_passes
                                             : OptimizerWork::beside_passes
      ) {}

Optimizer::Optimizer(ParameterTable& parameters, OptimizerWork work)
    : parameters_(&parameters),
      work_(work),
      exchanges_(parameters.device(), Urgency::urgent),
      squares_(parameters.device(), Urgency::idle_time),
      updates_(parameters.device(), Urgency::urgent),
      multiprocessors_(
          parameters.device() == Device::cpu ? 0 : cuda::device_properties().multiprocessors
      ),
      begin_of_block_(index(parameters.num_blocks()) + 2) {
    for (auto& group : parameters.groups()) {
        if (!group.trainable) {
            continue;
        }
        shards_.emplace_back(optimized(group, parameters.specs()));
        pieces_.push_back(pieces_of(group, parameters.specs(), shards_.back().owned()));
        unreduced_.push_back(group.size);
        for (std::int32_t block = 0; block <= parameters.num_blocks(); ++block) {
            begin_of_block_[index(block)].push_back(
                beginning_in(group, parameters.first_of_block(block))
            );
        }
        begin_of_block_.back().push_back(group.size);
    }
    // GPUs that share parameters exchange new values: beside a pass, that has not been measured.
    bool const shares = std::ranges::any_of(shards_, &ShardedAdamw::is_shared);
    updates_beside_passes_ =
        work == OptimizerWork::beside_passes && (parameters.device() == Device::cpu || !shares);
    parameters_->set_awaiting([this](std::int32_t block) { await_values(block); });
}

Optimizer::~Optimizer() {
    try {
        await_values(parameters_->num_blocks());
    } catch (Error const&) {  // of a GPU that failed before: whoever comes here has heard of it
    }
    parameters_->set_awaiting({});
}

void Optimizer::begin_reduction(std::int32_t block) {
    if (work_ == OptimizerWork::between_passes) {
        return;
    }
    auto const first = parameters_->first_of_block(block);
    parameters_->settle_gradients(
        {static_cast<std::int64_t>(first), static_cast<std::int64_t>(parameters_->specs().size())}
    );
    reduce_from(block);
}

void Optimizer::reduce_from(std::int32_t block) {
    auto const& begin = begin_of_block_.at(index(block));
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
    for (auto block = parameters_->num_blocks(); block >= 0; --block) {
        reduce_from(block);
    }
    exchanges_.end(Stream{});
    unreduced_ = begin_of_block_.back();
    return gradient_norm(shards_, world, squares_.stream());
}

std::int32_t Optimizer::multiprocessors_of_update() const {
    double bytes = 0.0;
    for (auto const& shard : shards_) {
        bytes += shard.bytes_of_update();
    }
    return isogloss::multiprocessors_of_update(bytes, forward_flops_, multiprocessors_);
}

void Optimizer::update(AdamwStep const& step) {
    auto const after = parameters_->num_blocks() + 1;
    await_values(parameters_->num_blocks());
    updated_.assign(shards_.size(), 0);
    if (!updates_beside_passes_) {
        update_until(after, step, Stream{});
        return exchanges_.end(Stream{});
    }
    // The pass waits for block 0 at once. What is queued here is the same on every rank, whatever
    // part of its GPU each gives to it.
    update_until(1, step, Stream{});
    values_there_.emplace_back(parameters_->device(), exchanges_.stream());
    auto const share = multiprocessors_of_update();
    updates_.begin(Stream{});
    updates_.divide(Stream{}, share, multiprocessors_);
    for (std::int32_t end = 2; end <= after; ++end) {
        update_until(end, step, share > 0 ? updates_.stream() : Stream{});
        values_there_.emplace_back(parameters_->device(), exchanges_.stream());
    }
}

void Optimizer::update_until(std::int32_t block, AdamwStep const& step, Stream stream) {
    auto const& end = begin_of_block_.at(index(block));
    for (std::size_t s = 0; s < shards_.size(); ++s) {
        if (updated_[s] < end[s]) {
            Range const its{std::exchange(updated_[s], end[s]), end[s]};
            shards_[s].update_own(step, its, stream);
            exchanges_.begin(stream);
            shards_[s].share_values(its, exchanges_.stream());  // while the next are updated
        }
    }
}

void Optimizer::await_values(std::int32_t block) {
    if (values_there_.empty()) {
        return;
    }
    values_there_.at(index(block)).put_before(Stream{});
    if (block == parameters_->num_blocks()) {
        values_there_.clear();
        updates_.divide(Stream{}, 0, multiprocessors_);
    }
}

}  // namespace isogloss

// checkpoint/shard_layout.cpp
#include "checkpoint/shard_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace isogloss {
namespace {

/// Fills files one after the other; a tensor is never cut.
class Filler {
public:
    Filler(std::string prefix, std::int64_t limit) : prefix_(std::move(prefix)), limit_(limit) {}

    void add(std::size_t member, std::int64_t bytes) {
        if (shards_.empty() || filled_ + bytes > limit_) {
            shards_.push_back({fmt::format("{}-{:05}.h5", prefix_, shards_.size()), {}});
            filled_ = 0;
        }
        shards_.back().members.push_back(member);
        filled_ += bytes;
    }
    [[nodiscard]] std::vector<ShardPlan> const& shards() const { return shards_; }

private:
    std::string prefix_;
    std::int64_t limit_;
    std::int64_t filled_ = 0;
    std::vector<ShardPlan> shards_;
};

}  // namespace

std::vector<ShardPlan> weight_shards(
    std::span<ParameterSpec const> specs, std::int64_t shard_bytes
) {
    Filler backbone("backbone", shard_bytes);
    ShardPlan routers{"routers.h5", {}};
    std::vector<ShardPlan> experts;
    for (std::size_t i = 0; i < specs.size(); ++i) {
        auto const& spec = specs[i];
        if (spec.part == Part::backbone) {
            backbone.add(i, spec.size() * bytes_of(spec.dtype));
        } else if (spec.part == Part::router) {
            routers.members.push_back(i);
        } else {
            auto const file = expert_file(spec.layer, spec.expert);
            if (experts.empty() || experts.back().file != file) {
                experts.push_back({file, {}});
            }
            experts.back().members.push_back(i);
        }
    }
    auto shards = backbone.shards();
    if (!routers.members.empty()) {
        shards.push_back(routers);
    }
    std::ranges::move(experts, std::back_inserter(shards));
    return shards;
}

std::vector<ShardPlan> optimizer_shards(
    std::span<ParameterSpec const> specs, std::int64_t shard_bytes
) {
    Filler filler("optimizer", shard_bytes);
    for (std::size_t i = 0; i < specs.size(); ++i) {
        if (specs[i].trainable) {
            auto const kinds = static_cast<std::int64_t>(state_kinds(specs[i]).size());
            filler.add(i, specs[i].size() * kinds * bytes_of(DType::f32));
        }
    }
    return filler.shards();
}

std::vector<std::string_view> state_kinds(ParameterSpec const& spec) {
    if (spec.dtype == DType::f32) {
        return {"m", "v"};
    }
    return {"master", "m", "v"};
}

std::string state_name(ParameterSpec const& spec, std::string_view kind) {
    return fmt::format("{}/{}", spec.name, kind);
}

bool is_state(std::string_view tensor_name) {
    return tensor_name.find('/') != std::string_view::npos;
}

std::string expert_file(std::int32_t layer, std::int32_t expert) {
    return fmt::format("L{:02}-E{:03}.h5", layer, expert);
}

}  // namespace isogloss

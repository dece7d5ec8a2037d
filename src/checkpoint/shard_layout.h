// checkpoint/shard_layout.h - which file holds which tensor: a pure function of the model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/parameters.h"

namespace isogloss {

/// One file of a checkpoint, still to be written.
struct ShardPlan {
    std::string file;
    std::vector<std::size_t> members;  ///< indices of the parameters it holds, ascending

    bool operator==(ShardPlan const&) const = default;
};

/// Most bytes of tensors in one shard of several; a larger tensor has a shard of its own.
constexpr std::int64_t kShardBytes = std::int64_t{1} << 30;

/// Files of the weights: backbone-00000.h5, ... (backbone parameters in the table's order, each
/// file filled to `shard_bytes`), routers.h5 (absent without routers), L07-E003.h5 (one an expert).
/// Neither ranks nor placement enter, so any job writes the same files.
std::vector<ShardPlan> weight_shards(
    std::span<ParameterSpec const> specs, std::int64_t shard_bytes = kShardBytes
);

/// Files of the optimizer state: optimizer-00000.h5, ... (trainable parameters in the table's
/// order).
std::vector<ShardPlan> optimizer_shards(
    std::span<ParameterSpec const> specs, std::int64_t shard_bytes = kShardBytes
);

/// The tensors of one parameter's state: "m" and "v", and before them "master" where the weights
/// are not float.
std::vector<std::string_view> state_kinds(ParameterSpec const& spec);
/// "layers.3.router.weight/m"
std::string state_name(ParameterSpec const& spec, std::string_view kind);

/// Names a tensor of state, not a parameter? (Names of parameters have no slash.)
bool is_state(std::string_view tensor_name);

/// "L07-E003.h5"
std::string expert_file(std::int32_t layer, std::int32_t expert);

}  // namespace isogloss

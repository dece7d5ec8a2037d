// support/checkpoint_fixture.h - small models and checkpoints whose every element names its origin.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/random.h"
#include "checkpoint/manifest.h"
#include "checkpoint/save.h"
#include "checkpoint/shard_layout.h"
#include "comm/collective.h"
#include "model/parameters.h"
#include "support/shared_folder.h"
#include "support/temporary_folder.h"

namespace isogloss::test {

/// Three layers with 1, 3 and 2 experts; odd extents where the rules allow them.
inline ModelConfig small_config() {
    ModelConfig config;
    config.vocab_size = 37;
    config.width = 12;
    config.num_heads = 3;
    config.num_kv_heads = 1;
    config.head_width = 4;
    config.ffn_hidden = 7;
    config.max_positions = 64;
    config.qkv_bias = true;
    config.layers.resize(3);
    config.layers[1].experts.resize(3);
    config.layers[2].experts.resize(2);
    return config;
}

/// A hash that says where it belongs.
inline std::string hash_of(std::string const& name) {
    return sha256(name);
}

/// The manifest of a checkpoint of `config` that exists on paper only.
inline Manifest paper_manifest(ModelConfig const& config) {
    Manifest manifest;
    manifest.config = config;
    manifest.info = {
        42,
        1000,
        -1,
        "bytes",
        hash_of("tokenizer"),
        2,
        {"en", "zh-Hant"},
        "[train]\nsteps=42\n",
        ParentRecord{"runs/base/step-00000007", hash_of("parent")}};
    auto const specs = parameter_specs(config);
    for (auto const& plan : weight_shards(specs)) {
        ShardRecord shard{plan.file, 2048, hash_of(plan.file)};
        for (auto const member : plan.members) {
            auto const& spec = specs[member];
            manifest.tensors.push_back(
                {spec.name, spec.shape, spec.dtype, plan.file, hash_of(spec.name)}
            );
            shard.bytes += manifest.tensors.back().bytes();
        }
        manifest.shards.push_back(shard);
    }
    return manifest;
}

/// Element i of the parameter or state `name`: in [-1, 1), and short enough for bf16.
inline float origin_value(std::string const& name, std::int64_t i) {
    auto const bits = random_bits(7, random_stream(name), static_cast<std::uint64_t>(i));
    return static_cast<float>(static_cast<int>(bits % 128) - 64) / 64.0F;
}

inline void fill_with_origin(ParameterTable& table) {
    for (std::size_t p = 0; p < table.specs().size(); ++p) {
        auto const& spec = table.specs()[p];
        for (std::int64_t i = 0; table.is_held(p) && i < spec.size(); ++i) {
            if (spec.dtype == DType::bf16) {
                table.values<bf16>(p).data[i] = from_float<bf16>(origin_value(spec.name, i));
            } else {
                table.values<float>(p).data[i] = origin_value(spec.name, i);
            }
        }
    }
}

/// Elements of the held parameters that are not what fill_with_origin writes.
inline std::int64_t count_foreign_values(ParameterTable const& table) {
    std::int64_t foreign = 0;
    for (std::size_t p = 0; p < table.specs().size(); ++p) {
        auto const& spec = table.specs()[p];
        for (std::int64_t i = 0; table.is_held(p) && i < spec.size(); ++i) {
            auto const value = spec.dtype == DType::bf16 ? to_float(table.values<bf16>(p).data[i])
                                                         : table.values<float>(p).data[i];
            foreign += value == origin_value(spec.name, i) ? 0 : 1;
        }
    }
    return foreign;
}

/// Every expert on one rank, the next one on the next; layers of one expert on all ranks.
inline Placement round_robin(ModelConfig const& config, int num_ranks) {
    Placement placement;
    std::vector<int> everybody;
    for (int r = 0; r < num_ranks; ++r) {
        everybody.push_back(r);
    }
    int next = 0;
    for (auto const& layer : config.layers) {
        LayerPlacement ranks;
        for (std::int32_t e = 0; e < layer.num_experts(); ++e) {
            ranks.ranks.push_back(
                layer.num_experts() == 1 ? everybody : std::vector<int>{next++ % num_ranks}
            );
        }
        placement.layers.push_back(ranks);
    }
    return placement;
}

/// Every expert of the layers with several has the last rank; the first one also rank 0.
inline Placement lopsided(ModelConfig const& config, int num_ranks) {
    auto placement = round_robin(config, num_ranks);
    for (auto& layer : placement.layers) {
        for (std::size_t e = 0; layer.num_experts() > 1 && e < layer.ranks.size(); ++e) {
            layer.ranks[e] = {num_ranks - 1};
            if (e == 0 && num_ranks > 1) {
                layer.ranks[e] = {0, num_ranks - 1};
            }
        }
    }
    return placement;
}

/// Name -> bytes of every file in a folder.
inline std::map<std::string, std::string> contents(std::filesystem::path const& folder) {
    std::map<std::string, std::string> files;
    for (auto const& entry : std::filesystem::directory_iterator(folder)) {
        files[entry.path().filename().string()] = content_of(entry.path());
    }
    return files;
}

inline CheckpointInfo small_info(std::int64_t step) {
    return {step, step * 100, -1, "bytes", hash_of("tokenizer"), 256, {"en"}, "", std::nullopt};
}

/// Saves the model whose elements are origin_value; no optimizer.
inline SaveResult save_origin(
    std::filesystem::path const& folder,
    ModelConfig const& config,
    Placement const& placement,
    MpiComm const& world
) {
    ParameterTable table(config, placement, world, Device::cpu);
    fill_with_origin(table);
    return save_checkpoint(folder, {config, table, {}, nullptr}, small_info(1), world);
}

}  // namespace isogloss::test

// tests/support/small_model.h - small models, batches and placements that tests of whole models
// use.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "corpus/batch.h"
#include "device/copy.h"
#include "model/language_model.h"
#include "support/reference_model.h"

namespace isogloss::test {

/// Widths that are odd where they may be, and all different, so that a swapped extent shows.
inline ModelConfig small_config(std::vector<std::int32_t> const& experts, DType dtype) {
    ModelConfig config;
    config.vocab_size = 19;
    config.width = 12;
    config.num_heads = 4;
    config.num_kv_heads = 4;
    config.head_width = 4;
    config.ffn_hidden = 9;
    config.top_k = 2;
    config.max_positions = 16;
    config.norm_epsilon = 1e-3F;
    config.dtype = dtype;
    for (auto const count : experts) {
        config.layers.emplace_back();
        config.layers.back().experts.resize(static_cast<std::size_t>(count));
    }
    return config;
}

/// The same with half as many heads of keys, and biases.
inline ModelConfig grouped_queries(std::vector<std::int32_t> const& experts, DType dtype) {
    auto config = small_config(experts, dtype);
    config.num_kv_heads = 2;
    config.qkv_bias = true;
    return config;
}

/// The same as small_config with three heads, a count that is no power of two.
inline ModelConfig small_bloom(std::vector<std::int32_t> const& experts, DType dtype) {
    auto config = small_config(experts, dtype);
    config.num_heads = 3;
    config.num_kv_heads = 3;
    config.qkv_bias = true;
    config.tied_embeddings = true;
    config.family.norm = NormKind::layer;
    config.family.position = PositionKind::alibi;
    config.family.feed_forward = FeedForwardKind::gelu;
    config.family.embedding_norm = true;
    config.family.linear_bias = true;
    return config;
}

/// The same with heads that are wider than width / heads.
inline ModelConfig small_gemma(std::vector<std::int32_t> const& experts, DType dtype) {
    auto config = small_config(experts, dtype);
    config.num_heads = 4;
    config.num_kv_heads = 1;
    config.head_width = 6;
    config.tied_embeddings = true;
    config.family.norm = NormKind::rms_offset;
    config.family.feed_forward = FeedForwardKind::geglu;
    config.family.embedding_scale = true;
    return config;
}

inline ModelConfig small_qwen3(std::vector<std::int32_t> const& experts, DType dtype) {
    auto config = small_config(experts, dtype);
    config.num_kv_heads = 2;
    config.family.qk_norm = true;
    return config;
}

/// Every routed layer has a shared expert, of another width than the others, and gates do not add
/// up to 1.
inline ModelConfig small_qwen2_moe(std::vector<std::int32_t> const& experts, DType dtype) {
    auto config = small_config(experts, dtype);
    config.num_kv_heads = 2;
    config.qkv_bias = true;
    config.gates = GateScale::probabilities;
    for (auto& layer : config.layers) {
        layer.shared_hidden = layer.has_router() ? 7 : 0;
    }
    return config;
}

/// Scaled so that the first pair is kept, the second mixed and the others slowed.
inline ModelConfig small_llama3(std::vector<std::int32_t> const& experts, DType dtype) {
    auto config = small_config(experts, dtype);
    config.num_heads = 2;
    config.num_kv_heads = 1;
    config.head_width = 8;
    config.rope_theta = 100.0F;
    config.rope_scaling = {RopeScalingKind::llama3, 8.0F, 1.0F, 4.0F, 40};
    return config;
}

/// Uneven by hand: replicas, ranks that hold no expert of a layer, all of one rank's on another.
inline Placement uneven_placement(ModelConfig const& config, int ranks) {
    Placement placement;
    for (auto const& layer : config.layers) {
        LayerPlacement its;
        for (std::int32_t e = 0; e < layer.num_experts(); ++e) {
            std::vector<int> holders;
            for (int r = 0; r < ranks; ++r) {
                bool const spread =
                    ranks < 3 ? (e % 2 == r || e == 4) : (r != 2 && (e % 3 == r % 3));
                if (!layer.has_router() || ranks == 1 || spread) {
                    holders.push_back(r);
                }
            }
            its.ranks.push_back(holders.empty() ? std::vector<int>{1} : holders);
        }
        placement.layers.push_back(its);
    }
    return placement;
}

/// Three rows of seven tokens: documents inside rows, a whole row that is one document, targets
/// that do not count.
inline ReferenceBatch small_batch(ModelConfig const& config) {
    ReferenceBatch batch;
    batch.rows = 3;
    batch.row_length = 7;
    std::vector<std::vector<std::int32_t>> const starts{
        {0, 0, 0, 3, 3, 5, 5}, {0, 0, 0, 0, 0, 0, 0}, {0, 1, 1, 1, 1, 1, 6}};
    for (std::int32_t n = 0; n < 21; ++n) {
        auto const index = static_cast<std::uint64_t>(n);
        auto const vocab = static_cast<std::uint64_t>(config.vocab_size);
        auto const start = starts[static_cast<std::size_t>(n / 7)][static_cast<std::size_t>(n % 7)];
        batch.tokens.push_back(static_cast<std::int32_t>(random_bits(11, 1, index) % vocab));
        batch.targets.push_back(
            n % 7 == 6 || n == 9 ? -1 : static_cast<std::int32_t>(random_bits(11, 2, index) % vocab)
        );
        batch.position.push_back(n % 7 - start);
        batch.document_start.push_back(start);
    }
    return batch;
}

inline std::int64_t counted_targets(ReferenceBatch const& batch) {
    return std::ranges::count_if(batch.targets, [](std::int32_t target) { return target >= 0; });
}

/// Rows of rank `rank`: unevenly many, none on one rank of four.
inline std::pair<std::int64_t, std::int64_t> rows_of(int rank, int ranks) {
    std::vector<std::int64_t> const begin = ranks == 1   ? std::vector<std::int64_t>{0, 3}
                                            : ranks == 2 ? std::vector<std::int64_t>{0, 1, 3}
                                                         : std::vector<std::int64_t>{0, 1, 1, 3, 3};
    auto const r = static_cast<std::size_t>(rank);
    return {begin.at(r), begin.at(r + 1)};
}

inline Batch part_of(ReferenceBatch const& all, int rank, int ranks) {
    auto const [first, last] = rows_of(rank, ranks);
    Batch batch;
    batch.rows = last - first;
    batch.row_length = all.row_length;
    auto const take = [&](std::vector<std::int32_t> const& from) {
        Buffer<std::int32_t> to(Device::cpu, batch.size());
        std::copy_n(from.begin() + first * all.row_length, batch.size(), to.data());
        return to;
    };
    batch.tokens = take(all.tokens);
    batch.targets = take(all.targets);
    batch.position = take(all.position);
    batch.document_start = take(all.document_start);
    batch.language.assign(static_cast<std::size_t>(batch.rows), 0);
    return batch;
}

/// Values for every parameter of the model, exact in the type it is stored in.
inline Parameters<double> random_parameters(ModelConfig const& config, std::uint64_t seed) {
    Parameters<double> parameters;
    for (auto const& spec : parameter_specs(config)) {
        bool const is_gain = spec.shape.size() == 1 && !spec.name.ends_with("bias") &&
                             config.family.norm != NormKind::rms_offset;
        double const deviation = spec.part == Part::router ? 1.0 : 0.35;
        auto& values = parameters[spec.name];
        for (std::int64_t i = 0; i < spec.size(); ++i) {
            auto const normal =
                random_normal(seed, random_stream(spec.name), static_cast<std::uint64_t>(i));
            auto const value = static_cast<float>((is_gain ? 1.0 : 0.0) + deviation * normal);
            values.push_back(spec.dtype == DType::bf16 ? to_float(from_float<bf16>(value)) : value);
        }
    }
    return parameters;
}

/// Fills what this rank holds.
inline void set_parameters(ParameterTable& table, Parameters<double> const& parameters) {
    for (std::size_t i = 0; i < table.specs().size(); ++i) {
        if (!table.is_held(i)) {
            continue;
        }
        auto const& spec = table.specs()[i];
        auto const& values = parameters.at(spec.name);
        auto const set = [&]<class T>(View<T, 1> host) {
            for (std::size_t k = 0; k < values.size(); ++k) {
                host.data[k] = from_float<T>(static_cast<float>(values[k]));
            }
        };
        if (spec.dtype == DType::bf16) {
            fill_from_host(table.values<bf16>(i), Stream{}, set);
        } else {
            fill_from_host(table.values<float>(i), Stream{}, set);
        }
    }
}

}  // namespace isogloss::test

// cli/model_options.h - a model's config as options: --model.width and so on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"
#include "model/config.h"

namespace isogloss {

/// What a user says about a new model. 0 stands for a value that follows from the others.
struct ModelOptions {
    std::int64_t vocab_size = 0;
    std::int32_t layers = 8;
    std::int64_t width = 512;
    std::int64_t heads = 8;
    std::int64_t kv_heads = 0;
    std::int64_t head_width = 0;
    std::int64_t ffn_hidden = 0;
    std::vector<std::int32_t> experts{1};
    std::int32_t top_k = 2;
    GateScale gates = GateScale::renormalised;
    std::int64_t shared_expert_hidden = 0;
    std::int64_t max_positions = 4096;
    float rope_theta = 10000.0F;
    RopeScaling rope_scaling;
    float norm_epsilon = 1e-5F;
    bool qkv_bias = false;
    bool tied_embeddings = false;
    Family family;
    DType dtype = DType::f32;
    std::uint64_t seed = 1;

    /// Adds the options of the section [model] and their rules.
    void describe(Options& options);

    /// @param tokens  ids of the tokenizer, the vocabulary unless vocab_size says more
    [[nodiscard]] ModelConfig config(std::int64_t tokens) const;

    /// Every rule broken, with the options' names.
    [[nodiscard]] std::vector<std::string> problems() const;
};

}  // namespace isogloss

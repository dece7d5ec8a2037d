// model/family.h - what distinguishes the model families: kinds of norm, position, feed-forward.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "device/view.h"
#include "moe/feed_forward.h"

namespace isogloss {

struct ModelConfig;

enum class NormKind : std::uint8_t {
    rms,         ///< x / sqrt(mean x^2 + eps) * gain
    rms_offset,  ///< the same with 1 + gain: a gain of 0 leaves x / sqrt(...) as it is
    layer,       ///< (x - mean) / sqrt(variance + eps) * gain + bias
};

enum class PositionKind : std::uint8_t {
    rotary,  ///< queries and keys are turned by their position
    alibi,   ///< attention scores fall with the distance, at a slope of each head
};

/// Switches of a block.
///
/// The defaults are those of Llama, Mistral and Qwen 1.5 to 2.5 (with qkv_bias). Beside them:
///     Qwen3  qk_norm
///     Gemma  rms_offset, geglu, embedding_scale, tied embeddings
///     Bloom  layer, alibi, gelu, embedding_norm, linear_bias, qkv_bias, tied embeddings and
///            F = 4 D, so that its feed-forward has 8 D^2 + 5 D parameters
struct Family {
    NormKind norm = NormKind::rms;
    PositionKind position = PositionKind::rotary;
    FeedForwardKind feed_forward = FeedForwardKind::swiglu;
    bool embedding_norm = false;  ///< a norm of its own right after the embedding
    bool linear_bias = false;     ///< attention.output and the experts' matrices have biases
    bool qk_norm = false;         ///< an RMS norm of each head's query and key, before positions
    /// Embeddings are multiplied by sqrt(D), rounded to the model's type.
    bool embedding_scale = false;

    bool operator==(Family const&) const = default;
};

std::string name_of(NormKind kind);
std::string name_of(PositionKind kind);

/// What a config describes and has no kernel for a GPU, one sentence each with the key and its
/// value. Such a model is served by the CPU alone.
std::vector<std::string> not_on_gpu(ModelConfig const& config);

/// `config` itself, to stand in front of members that are made from it.
/// @throws Error  (usage) with all of not_on_gpu(config), where the device is a GPU
ModelConfig const& served_on(Device device, ModelConfig const& config);

}  // namespace isogloss

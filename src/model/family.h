// model/family.h - what distinguishes the model families: kinds of norm, position, feed-forward.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

enum class FeedForwardKind : std::uint8_t {
    swiglu,  ///< down(silu(gate x) * up x): 3 F D weights
    geglu,   ///< down(gelu(gate x) * up x): 3 F D weights
    gelu,    ///< down(gelu(up x)): 2 F D weights
};

/// Whether the first matrix of a feed-forward has gate rows before its up rows.
constexpr bool is_gated(FeedForwardKind kind) {
    return kind != FeedForwardKind::gelu;
}

/// Switches of a block. gelu is its tanh form: z/2 (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3))).
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
std::string name_of(FeedForwardKind kind);

/// What a config describes and this program cannot build yet, one sentence each with the key, its
/// value and the value to use. Such a model can be counted, not created or trained.
std::vector<std::string> not_buildable(ModelConfig const& config);

/// @throws Error  (usage) with all of not_buildable(config), unless that is empty
void require_buildable(ModelConfig const& config);

/// The same, to stand in front of members that are made from the config.
ModelConfig const& buildable(ModelConfig const& config);

}  // namespace isogloss

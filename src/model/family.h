// model/family.h - what distinguishes the model families: kinds of norm, position, feed-forward.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace isogloss {

struct ModelConfig;

enum class NormKind : std::uint8_t {
    rms,    ///< x / sqrt(mean x^2 + eps) * gain
    layer,  ///< (x - mean) / sqrt(variance + eps) * gain + bias
};

enum class PositionKind : std::uint8_t {
    rotary,  ///< queries and keys are turned by their position
    alibi,   ///< attention scores fall with the distance, at a slope of each head
};

enum class FeedForwardKind : std::uint8_t {
    swiglu,  ///< down(silu(gate x) * up x): 3 F D weights
    gelu,    ///< down(gelu(up x)): 2 F D weights
};

/// Switches of a block. The defaults are those of Llama and Qwen; Bloom is {layer, alibi, gelu,
/// true, true} with qkv_bias, tied embeddings and F = 4 D, so that its feed-forward has
/// 8 D^2 + 5 D parameters.
struct Family {
    NormKind norm = NormKind::rms;
    PositionKind position = PositionKind::rotary;
    FeedForwardKind feed_forward = FeedForwardKind::swiglu;
    bool embedding_norm = false;  ///< a norm of its own right after the embedding
    bool linear_bias = false;     ///< attention.output and the experts' matrices have biases

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

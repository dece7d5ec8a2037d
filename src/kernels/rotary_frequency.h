// kernels/rotary_frequency.h - how fast rotary positions turn, and the scalings of longer contexts.
#pragma once

#include <cstdint>
#include <vector>

namespace isogloss {

enum class RopeScalingKind : std::uint8_t {
    none,
    linear,  ///< every frequency divided by the factor
    llama3,  ///< low frequencies divided, high ones kept, between them a mixture
};

constexpr char const* name_of(RopeScalingKind kind) {
    switch (kind) {
        case RopeScalingKind::none: return "none";
        case RopeScalingKind::linear: return "linear";
        case RopeScalingKind::llama3: return "llama3";
    }
    return "";
}

struct RopeScaling {
    RopeScalingKind kind = RopeScalingKind::none;
    float factor = 1.0F;
    // Of llama3 alone. A frequency is low or high by how often it turns round within
    // original_positions: fewer times than low_frequency, more often than high_frequency.
    float low_frequency = 1.0F;
    float high_frequency = 4.0F;
    std::int64_t original_positions = 8192;

    bool operator==(RopeScaling const&) const = default;
};

/// Radians a position of pair i of W/2: f[i] = theta^(-2i / W), then
///
///     linear  f / factor
///     llama3  ((1 - s) / factor + s) f,  s = (original_positions f / (2 pi) - low) / (high - low)
///             clamped to [0, 1]
///
/// Su et al., "RoFormer", arXiv:2104.09864, eq. 15; the Llama 3 models, arXiv:2407.21783.
/// @param pairs  W/2
std::vector<double> rotary_frequencies(
    float theta, std::int64_t pairs, RopeScaling const& scaling = {}
);

}  // namespace isogloss

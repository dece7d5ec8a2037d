// kernels/rotary_frequency.cpp
#include "kernels/rotary_frequency.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/require.h"

namespace isogloss {
namespace {

double scaled(double frequency, RopeScaling const& scaling) {
    auto const factor = static_cast<double>(scaling.factor);
    switch (scaling.kind) {
        case RopeScalingKind::none: return frequency;
        case RopeScalingKind::linear: return frequency / factor;
        case RopeScalingKind::llama3: break;
    }
    auto const low = static_cast<double>(scaling.low_frequency);
    auto const high = static_cast<double>(scaling.high_frequency);
    double const turns =
        static_cast<double>(scaling.original_positions) * frequency / (2.0 * std::numbers::pi);
    double const kept = std::clamp((turns - low) / (high - low), 0.0, 1.0);
    return ((1.0 - kept) / factor + kept) * frequency;
}

}  // namespace

std::vector<double> rotary_frequencies(
    float theta, std::int64_t pairs, RopeScaling const& scaling
) {
    require(theta > 0.0F, "rotary_frequencies: theta is {}; it must be > 0", theta);
    std::vector<double> frequencies;
    for (std::int64_t i = 0; i < pairs; ++i) {
        double const exponent = -static_cast<double>(i) / static_cast<double>(pairs);
        frequencies.push_back(scaled(std::pow(static_cast<double>(theta), exponent), scaling));
    }
    return frequencies;
}

}  // namespace isogloss

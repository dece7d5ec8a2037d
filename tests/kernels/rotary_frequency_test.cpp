// kernels/rotary_frequency_test.cpp - scaled frequencies by wave lengths, as the models' papers
// say.
#include "kernels/rotary_frequency.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace isogloss {
namespace {

constexpr std::int64_t kPairs = 32;
constexpr double kTheta = 500000.0;

double plain(std::size_t i) {
    return 1.0 / std::pow(kTheta, 2.0 * static_cast<double>(i) / (2.0 * kPairs));
}

TEST(RotaryFrequencyTest, FallsFromOneByAConstantFactor) {
    auto const frequency = rotary_frequencies(static_cast<float>(kTheta), kPairs);
    ASSERT_EQ(frequency.size(), 32U);
    EXPECT_EQ(frequency[0], 1.0);
    for (std::size_t i = 0; i < frequency.size(); ++i) {
        // Two powers and a division in double.
        EXPECT_NEAR(frequency[i] / plain(i), 1.0, 1e-14);
    }
}

TEST(RotaryFrequencyTest, LinearScalingDividesAll) {
    auto const frequency = rotary_frequencies(
        static_cast<float>(kTheta), kPairs, {.kind = RopeScalingKind::linear, .factor = 2.5F}
    );
    for (std::size_t i = 0; i < frequency.size(); ++i) {
        EXPECT_NEAR(frequency[i] * 2.5 / plain(i), 1.0, 1e-14);
    }
}

TEST(RotaryFrequencyTest, Llama3SlowsLongWavesAndKeepsShortOnes) {
    RopeScaling const scaling{RopeScalingKind::llama3, 8.0F, 1.0F, 4.0F, 8192};
    auto const frequency = rotary_frequencies(static_cast<float>(kTheta), kPairs, scaling);
    int kept = 0;
    int slowed = 0;
    int mixed = 0;
    for (std::size_t i = 0; i < frequency.size(); ++i) {
        double const wave = 2.0 * std::numbers::pi / plain(i);
        double expected = plain(i);
        if (wave > 8192.0 / 1.0) {
            expected = plain(i) / 8.0;
            ++slowed;
        } else if (wave >= 8192.0 / 4.0) {
            double const smooth = (8192.0 / wave - 1.0) / (4.0 - 1.0);
            expected = (1.0 - smooth) * plain(i) / 8.0 + smooth * plain(i);
            ++mixed;
        } else {
            ++kept;
        }
        // A difference of numbers near 4 over 3, then a few products, in double.
        EXPECT_NEAR(frequency[i] / expected, 1.0, 1e-13) << i;
    }
    EXPECT_GT(kept, 5);
    EXPECT_GT(slowed, 5);
    EXPECT_GT(mixed, 1);
}

}  // namespace
}  // namespace isogloss

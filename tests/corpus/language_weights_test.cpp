// corpus/language_weights_test.cpp
#include "corpus/language_weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/expect_error.h"

namespace isogloss {
namespace {

using test::expect_error;

TEST(LanguageWeightsTest, TemperatureFlattensShares) {
    // 4 and 64 at temperature 1: 4/68; at 2: 2 and 8; at 3: 4^(1/3) and 4.
    std::vector<std::int64_t> const tokens{4, 0, 64};
    // Two roundings of pow and a division: a few units of 1.1e-16.
    EXPECT_NEAR(temperature_weights(tokens, 1.0)[0], 4.0 / 68.0, 1e-15);
    EXPECT_NEAR(temperature_weights(tokens, 2.0)[2], 0.8, 1e-15);
    EXPECT_NEAR(temperature_weights(tokens, 3.0)[0], std::cbrt(4.0) / (std::cbrt(4.0) + 4), 1e-15);
    EXPECT_EQ(temperature_weights(tokens, 5.0)[1], 0.0);
    expect_error(Exit::usage, "temperature", [&] { temperature_weights(tokens, 0.0); });
    expect_error(Exit::usage, "no language", [] {
        temperature_weights(std::vector<std::int64_t>{0, 0}, 1.0);
    });
}

TEST(LanguageWeightsTest, AlphaFlattensSizes) {
    // 16^(1/4) = 2, 81^(1/4) = 3; alpha 0 counts languages, not text.
    std::vector<double> const sizes{16.0, 0.0, 81.0};
    EXPECT_NEAR(power_weights(sizes, 0.25)[0], 0.4, 1e-15);
    EXPECT_NEAR(power_weights(sizes, 1.0)[2], 81.0 / 97.0, 1e-15);
    EXPECT_EQ(power_weights(sizes, 0.0), (std::vector<double>{0.5, 0.0, 0.5}));
    expect_error(Exit::usage, "alpha is 1.5", [&] { power_weights(sizes, 1.5); });
    expect_error(Exit::usage, "alpha is -0.1", [&] { power_weights(sizes, -0.1); });
}

TEST(LanguageWeightsTest, ReplayGivesOldLanguagesTheirShare) {
    std::vector<double> const weights{1.0, 3.0, 2.0, 8.0};
    std::vector<std::uint8_t> const old{1, 1, 0, 0};
    auto const mixed = replay_weights(weights, old, 0.25);
    EXPECT_NEAR(mixed[0], 0.25 * 1 / 4, 1e-15);
    EXPECT_NEAR(mixed[1], 0.25 * 3 / 4, 1e-15);
    EXPECT_NEAR(mixed[2], 0.75 * 2 / 10, 1e-15);
    EXPECT_NEAR(mixed[3], 0.75 * 8 / 10, 1e-15);
    expect_error(Exit::usage, "old languages", [&] {
        replay_weights(weights, std::vector<std::uint8_t>{0, 0, 0, 0}, 0.1);
    });
}

// 100 rows over texts of 5, 10, 100 and 200: even shares are 25; at most twice the text. The first
// takes 10 of 25, the second 20 of 90 / 3 = 30, the others 35 each.
TEST(LanguageWeightsTest, UniMaxIsEvenButForTheCap) {
    std::vector<double> const sizes{200.0, 5.0, 0.0, 10.0, 100.0};
    std::vector<double> const expected{0.35, 0.10, 0.0, 0.20, 0.35};
    auto const weights = unimax_weights(sizes, 100.0, 2.0);
    ASSERT_EQ(weights.size(), expected.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
        EXPECT_NEAR(weights[i], expected[i], 1e-15) << i;  // a few roundings of numbers below 1
    }
}

TEST(LanguageWeightsTest, UniMaxWithoutNeedOfTheCapIsEven) {
    for (auto const weight : unimax_weights(std::vector<double>{300.0, 100.0, 30.0}, 60.0, 1.0)) {
        EXPECT_NEAR(weight, 1.0 / 3.0, 1e-15);
    }
}

// 4 epochs of 5 + 15 are 80 rows: with 100 to draw both are at the cap, in proportion 1 : 3.
TEST(LanguageWeightsTest, UniMaxOfTooManyRowsFollowsTheSizes) {
    auto const weights = unimax_weights(std::vector<double>{15.0, 5.0}, 100.0, 4.0);
    EXPECT_NEAR(weights[0], 0.75, 1e-15);
    EXPECT_NEAR(weights[1], 0.25, 1e-15);
}

// The definition, without the order of the algorithm: the level x at which the rows
// min(x, cap) of all languages sum to the run's, found by bisection.
TEST(LanguageWeightsTest, UniMaxIsTheWaterLevel) {
    std::vector<double> sizes;
    for (int i = 0; i < 128; ++i) {
        sizes.push_back(std::pow(10.0, 1.0 + 6.0 * std::fmod(0.618034 * i, 1.0)));
    }
    constexpr double kRows = 2e6;
    constexpr double kEpochs = 3.0;
    double low = 0.0;
    double high = kRows;
    for (int i = 0; i < 200; ++i) {
        auto const level = (low + high) / 2;
        double sum = 0.0;
        for (auto const size : sizes) {
            sum += std::min(level, kEpochs * size);
        }
        (sum < kRows ? low : high) = level;
    }
    auto const weights = unimax_weights(sizes, kRows, kEpochs);
    int capped = 0;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        auto const expected = std::min(low, kEpochs * sizes[i]) / kRows;
        EXPECT_NEAR(weights[i], expected, 1e-12) << i;  // 128 differences of numbers near 1
        capped += kEpochs * sizes[i] < low ? 1 : 0;
    }
    EXPECT_GT(capped, 10);
    EXPECT_LT(capped, 118);
}

TEST(LanguageWeightsTest, UniMaxNeedsRowsAndEpochs) {
    std::vector<double> const sizes{1.0, 2.0};
    expect_error(Exit::usage, "at most 0 epochs", [&] { unimax_weights(sizes, 10.0, 0.0); });
    expect_error(Exit::usage, "0 rows", [&] { unimax_weights(sizes, 0.0, 1.0); });
    expect_error(Exit::usage, "no language", [&] {
        unimax_weights(std::vector<double>{0.0}, 1.0, 1.0);
    });
}

}  // namespace
}  // namespace isogloss

// model/sampling_test.cpp - how often each token is drawn, against its probability.
#include "model/sampling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace isogloss {
namespace {

// Probabilities 0.1, 0.4, 0.2, 0.3 at temperature 1.
std::vector<float> const kLogits{
    static_cast<float>(std::log(0.1)), static_cast<float>(std::log(0.4)),
    static_cast<float>(std::log(0.2)), static_cast<float>(std::log(0.3))};

// Shares of the draws with as many evenly spread numbers.
std::vector<double> shares(Sampling const& sampling) {
    constexpr int kDraws = 10000;
    std::vector<double> share(kLogits.size(), 0.0);
    for (int i = 0; i < kDraws; ++i) {
        auto const token = sample_token(kLogits, sampling, (i + 0.5) / kDraws);
        share.at(static_cast<std::size_t>(token)) += 1.0 / kDraws;
    }
    return share;
}

// A share is a number of draws: off by one draw, and by the logits' rounding.
void expect_shares(Sampling const& sampling, std::vector<double> const& expected) {
    auto const got = shares(sampling);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_NEAR(got[i], expected[i], 2e-4) << i;
    }
}

TEST(SamplingTest, TheHighestScoreWinsWithoutTemperature) {
    EXPECT_EQ(sample_token(kLogits, {}, 0.99), 1);
    EXPECT_EQ(sample_token(std::vector<float>{1.0F, 3.0F, 3.0F}, {}, 0.99), 1);
    EXPECT_EQ(sample_token(std::vector<float>{-1.0F}, {}, 0.0), 0);
}

TEST(SamplingTest, TokensComeAsOftenAsTheyAreLikely) {
    expect_shares({.temperature = 1.0F}, {0.1, 0.4, 0.2, 0.3});
    // Temperature 1/2 squares: 1, 16, 4, 9 of 30.
    expect_shares({.temperature = 0.5F}, {1.0 / 30, 16.0 / 30, 4.0 / 30, 9.0 / 30});
}

TEST(SamplingTest, OnlyTheMostLikelyAreLeft) {
    expect_shares({.temperature = 1.0F, .top_k = 2}, {0.0, 4.0 / 7, 0.0, 3.0 / 7});
    expect_shares({.temperature = 1.0F, .top_k = 9}, {0.1, 0.4, 0.2, 0.3});
    expect_shares({.temperature = 1.0F, .top_p = 0.3F}, {0.0, 1.0, 0.0, 0.0});
    // 0.4 and 0.3 are less than 0.75, with 0.2 they are more.
    expect_shares({.temperature = 1.0F, .top_p = 0.75F}, {0.0, 4.0 / 9, 2.0 / 9, 3.0 / 9});
    // Of two tokens with 4/7 and 3/7 the first alone reaches a half.
    expect_shares({.temperature = 1.0F, .top_k = 2, .top_p = 0.5F}, {0.0, 1.0, 0.0, 0.0});
}

}  // namespace
}  // namespace isogloss

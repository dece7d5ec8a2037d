// optim/schedule_test.cpp - learning rates against the formula, worked by hand.
#include "optim/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace isogloss {
namespace {

// One rounding to float of a value computed in double.
constexpr double kTolerance = 1.0 / (1 << 24);

Schedule schedule_of(Decay decay) {
    return {
        .peak = 0.5F, .warmup_steps = 4, .total_steps = 12, .floor_share = 0.25F, .decay = decay};
}

TEST(ScheduleTest, WarmUpRisesLinearlyAndReachesThePeak) {
    for (auto const decay : {Decay::constant, Decay::linear, Decay::cosine}) {
        auto const schedule = schedule_of(decay);
        EXPECT_EQ(learning_rate(schedule, 0), 0.125F);
        EXPECT_EQ(learning_rate(schedule, 1), 0.25F);
        EXPECT_EQ(learning_rate(schedule, 2), 0.375F);
        EXPECT_EQ(learning_rate(schedule, 3), 0.5F);
        EXPECT_EQ(learning_rate(schedule, 4), 0.5F);
    }
}

TEST(ScheduleTest, ConstantStaysAtThePeak) {
    EXPECT_EQ(learning_rate(schedule_of(Decay::constant), 11), 0.5F);
    EXPECT_EQ(learning_rate(schedule_of(Decay::constant), 1000), 0.5F);
}

TEST(ScheduleTest, LinearFallsInEqualSteps) {
    auto const schedule = schedule_of(Decay::linear);
    // From 0.5 to 0.125 over 8 steps: 0.046875 a step, exact in float.
    EXPECT_EQ(learning_rate(schedule, 5), 0.5F - 0.046875F);
    EXPECT_EQ(learning_rate(schedule, 8), 0.3125F);
    EXPECT_EQ(learning_rate(schedule, 12), 0.125F);
    EXPECT_EQ(learning_rate(schedule, 50), 0.125F);
}

TEST(ScheduleTest, CosineIsSlowAtBothEnds) {
    auto const schedule = schedule_of(Decay::cosine);
    double const half_root = std::sqrt(0.5);  // cos(pi / 4), a quarter of the way
    EXPECT_NEAR(learning_rate(schedule, 6), 0.125 + 0.375 * (1.0 + half_root) / 2.0, kTolerance);
    EXPECT_NEAR(learning_rate(schedule, 8), 0.125 + 0.375 / 2.0, kTolerance);
    EXPECT_NEAR(learning_rate(schedule, 10), 0.125 + 0.375 * (1.0 - half_root) / 2.0, kTolerance);
    EXPECT_NEAR(learning_rate(schedule, 12), 0.125, kTolerance);
    EXPECT_NEAR(learning_rate(schedule, 13), 0.125, kTolerance);
}

TEST(ScheduleTest, ARunShorterThanItsWarmUpNeverDecays) {
    Schedule const schedule{.peak = 1.0F, .warmup_steps = 8, .total_steps = 4, .floor_share = 0.0F};
    EXPECT_EQ(learning_rate(schedule, 3), 0.5F);
}

TEST(ScheduleTest, EveryFaultIsNamed) {
    Schedule const wrong{
        .peak = std::numeric_limits<float>::quiet_NaN(),
        .warmup_steps = -1,
        .total_steps = 0,
        .floor_share = 1.5F};
    EXPECT_EQ(problems(wrong).size(), 4U);
    EXPECT_TRUE(problems(schedule_of(Decay::cosine)).empty());
}

}  // namespace
}  // namespace isogloss

// kernels/vector_math_test.cpp
#include "kernels/vector_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace isogloss {
namespace {

TEST(ExpFastTest, IsWithinItsBoundOverTheWholeRange) {
    double worst = 0.0;
    for (int i = 0; i <= 4'000'000; ++i) {
        float const x = -87.3F + 175.3F * static_cast<float>(i) / 4e6F;
        double const expected = std::exp(static_cast<double>(x));
        worst = std::max(worst, std::abs(static_cast<double>(cpu::exp_fast(x)) / expected - 1.0));
    }
    EXPECT_LT(worst, 0x1p-22);
    EXPECT_GT(worst, 0.0);
}

TEST(ExpFastTest, IsExactAtZero) {
    EXPECT_EQ(cpu::exp_fast(0.0F), 1.0F);
}

TEST(ExpFastTest, StaysFiniteAndPositiveOutside) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    for (float const x : {-kInfinity, -1e30F, -104.0F, 89.0F, 1e30F, kInfinity}) {
        EXPECT_GT(cpu::exp_fast(x), 0.0F) << x;
        EXPECT_TRUE(std::isfinite(cpu::exp_fast(x))) << x;
    }
}

TEST(ExpFastTest, KeepsNaN) {
    EXPECT_TRUE(std::isnan(cpu::exp_fast(std::numeric_limits<float>::quiet_NaN())));
    EXPECT_TRUE(std::isnan(cpu::exp_fast(-std::numeric_limits<float>::quiet_NaN())));
}

}  // namespace
}  // namespace isogloss

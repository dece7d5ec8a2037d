// tests/device/bf16_test.cpp
#include "device/bf16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace isogloss {
namespace {

constexpr std::uint32_t kInfinity = 0x7F80;

bf16 of_bits(std::uint32_t bits) {
    return {static_cast<std::uint16_t>(bits)};
}

// The value of the bits by the definition of the format: sign, 8 bits of exponent, 7 of fraction.
double defined_value(std::uint32_t bits) {
    auto const exponent = static_cast<int>(bits >> 7U & 0xFFU);
    auto const fraction = static_cast<double>(bits & 0x7FU) / 128.0;
    auto const size =
        exponent == 0 ? std::ldexp(fraction, -126) : std::ldexp(1.0 + fraction, exponent - 127);
    return (bits & 0x8000U) != 0 ? -size : size;
}

TEST(Bf16Test, EveryValueWidensToWhatTheFormatDefinesAndComesBack) {
    int nans = 0;
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        auto const wide = to_float(of_bits(bits));
        if ((bits & 0x7FFFU) > kInfinity) {
            ++nans;
            EXPECT_TRUE(std::isnan(wide)) << bits;
            EXPECT_TRUE(std::isnan(to_float(from_float<bf16>(wide)))) << bits;
            continue;
        }
        if ((bits & 0x7FFFU) == kInfinity) {
            EXPECT_TRUE(std::isinf(wide)) << bits;
        } else {
            EXPECT_EQ(static_cast<double>(wide), defined_value(bits)) << bits;
        }
        EXPECT_EQ(from_float<bf16>(wide).bits, bits);
    }
    EXPECT_EQ(nans, 2 * 127);
}

// Between each two neighbours: the middle goes to the even one, what is nearer goes to the nearer.
TEST(Bf16Test, RoundingIsToNearestAndTiesGoToEven) {
    for (std::uint32_t bits = 0; bits < kInfinity; ++bits) {
        auto const low = defined_value(bits);
        // Beyond the largest value IEEE rounds as if the next power of two were there.
        auto const high = bits + 1 == kInfinity ? std::ldexp(1.0, 128) : defined_value(bits + 1);
        auto const middle = static_cast<float>((low + high) / 2);  // exact: one bit more than bf16
        ASSERT_EQ(static_cast<double>(middle), (low + high) / 2);
        auto const below = std::nextafter(middle, 0.0F);
        auto const above = std::nextafter(middle, std::numeric_limits<float>::infinity());
        auto const even = bits % 2 == 0 ? bits : bits + 1;
        EXPECT_EQ(from_float<bf16>(middle).bits, even) << bits;
        EXPECT_EQ(from_float<bf16>(below).bits, bits) << bits;
        EXPECT_EQ(from_float<bf16>(above).bits, bits + 1) << bits;
        EXPECT_EQ(from_float<bf16>(-middle).bits, even | 0x8000U) << bits;
        EXPECT_EQ(from_float<bf16>(-below).bits, bits | 0x8000U) << bits;
        EXPECT_EQ(from_float<bf16>(-above).bits, (bits + 1) | 0x8000U) << bits;
    }
}

TEST(Bf16Test, NanStaysNanWhateverItsLowerBits) {
    for (std::uint32_t const bits : {0x7F800001U, 0x7FFFFFFFU, 0xFF800001U, 0xFFFFFFFFU}) {
        EXPECT_TRUE(std::isnan(to_float(from_float<bf16>(std::bit_cast<float>(bits))))) << bits;
    }
}

}  // namespace
}  // namespace isogloss

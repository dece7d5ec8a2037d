// checkpoint/foreign_elements_test.cpp
#include "checkpoint/foreign_elements.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace isogloss {
namespace {

template <class To, class From>
std::vector<To> as(std::vector<From> const& from, ForeignType type, DType to) {
    auto const bytes = converted(std::as_bytes(std::span(from)), type, to);
    std::vector<To> result(bytes.size() / sizeof(To));
    std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
}

TEST(ForeignElementsTest, EveryHalfIsItsFloat) {
    std::vector<std::uint16_t> halves;
    std::vector<double> expected;  // sign * 2^(e - 15) * (1 + m / 1024), or * m / 1024 below
    for (unsigned bits = 0; bits < 0x10000; ++bits) {
        auto const exponent = static_cast<int>((bits >> 10U) & 31U);
        auto const mantissa = static_cast<double>(bits & 1023U) / 1024.0;
        if (exponent == 31) {
            continue;
        }
        auto const size =
            exponent == 0 ? std::ldexp(mantissa, -14) : std::ldexp(1.0 + mantissa, exponent - 15);
        halves.push_back(static_cast<std::uint16_t>(bits));
        expected.push_back((bits & 0x8000U) != 0 ? -size : size);
    }
    auto const got = as<float>(halves, ForeignType::f16, DType::f32);
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_EQ(static_cast<double>(got[i]), expected[i]) << halves[i];
        ASSERT_EQ(std::signbit(got[i]), std::signbit(expected[i])) << halves[i];
    }
}

TEST(ForeignElementsTest, HalvesThatAreNoNumbersStaySo) {
    auto const got =
        as<float>(std::vector<std::uint16_t>{0x7C00, 0xFC00, 0x7E01}, ForeignType::f16, DType::f32);
    EXPECT_EQ(got[0], INFINITY);
    EXPECT_EQ(got[1], -INFINITY);
    EXPECT_TRUE(std::isnan(got[2]));
}

TEST(ForeignElementsTest, FloatsAreRoundedToBf16AndBackExactly) {
    std::vector<float> const floats{
        1.0F, -0.0F, 1.00390625F, 1.01171875F};  // the last two: halfway
    auto const narrow = as<std::uint16_t>(floats, ForeignType::f32, DType::bf16);
    EXPECT_EQ(narrow, (std::vector<std::uint16_t>{0x3F80, 0x8000, 0x3F80, 0x3F82}));
    auto const wide = as<float>(narrow, ForeignType::bf16, DType::f32);
    EXPECT_EQ(wide[3], 1.015625F);
    EXPECT_EQ(as<std::uint16_t>(narrow, ForeignType::bf16, DType::bf16), narrow);
    EXPECT_TRUE(fits_bf16(std::as_bytes(std::span(wide))));
    EXPECT_FALSE(fits_bf16(std::as_bytes(std::span(floats))));
}

}  // namespace
}  // namespace isogloss

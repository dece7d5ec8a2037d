// tests/base/math_test.cpp
#include "base/math.h"

#include <gtest/gtest.h>

namespace isogloss {
namespace {

TEST(MathTest, DivisionsAreRoundedUp) {
    EXPECT_EQ(ceil_div(0, 3), 0);
    EXPECT_EQ(ceil_div(1, 3), 1);
    EXPECT_EQ(ceil_div(3, 3), 1);
    EXPECT_EQ(ceil_div(4, 3), 2);
    EXPECT_EQ(round_up(0, 64), 0);
    EXPECT_EQ(round_up(1, 64), 64);
    EXPECT_EQ(round_up(64, 64), 64);
    EXPECT_EQ(round_up(65, 64), 128);
}

TEST(MathTest, EvenPartsFollowEachOtherAndDifferByAtMostOne) {
    for (std::int64_t size = 0; size < 40; ++size) {
        for (std::int64_t parts = 1; parts < 12; ++parts) {
            std::int64_t end = 0;
            for (std::int64_t i = 0; i < parts; ++i) {
                auto const part = even_part(size, parts, i);
                EXPECT_EQ(part.begin, end);
                EXPECT_GE(part.size(), size / parts);
                EXPECT_LE(part.size(), ceil_div(size, parts));
                end = part.end;
            }
            EXPECT_EQ(end, size);
        }
    }
}

TEST(MathTest, EvenPartsOfLargeSizesDoNotOverflow) {
    constexpr std::int64_t kSize = std::int64_t{1} << 60;
    EXPECT_EQ(even_part(kSize, 1024, 1023).end, kSize);
    EXPECT_EQ(even_part(kSize, 1024, 512).begin, kSize / 2);
}

}  // namespace
}  // namespace isogloss

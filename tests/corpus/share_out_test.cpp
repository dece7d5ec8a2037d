// tests/corpus/share_out_test.cpp
#include "corpus/share_out.h"

#include <gtest/gtest.h>

namespace isogloss {
namespace {

TEST(ShareOutTest, TheLargestGoesFirstToTheRankWithTheLeast) {
    // Largest first to the lightest: 9 | 7; 6 joins 7; 5 joins 9; 2 joins 13.
    EXPECT_EQ(share_out({5, 9, 2, 7, 6}, 2), (std::vector<int>{0, 0, 1, 1, 1}));
    EXPECT_EQ(share_out({1}, 3), (std::vector<int>{0}));
    EXPECT_TRUE(share_out({}, 3).empty());
}

}  // namespace
}  // namespace isogloss

// model/update_share_test.cpp - a GPU's share for an update, by hand.
#include "model/update_share.h"

#include <gtest/gtest.h>

namespace isogloss {
namespace {

// A third of 132 multiprocessors draws all that memory gives, and a pass of 135 operations a byte
// takes as long as moving the byte: an eighth of them moves 3/8 of what all would.
TEST(UpdateShareTest, TheUpdateEndsWithThePass) {
    constexpr double kFlops = 40e12;
    double const bytes = 3.0 / 8.0 * kFlops / 135.0;
    EXPECT_EQ(multiprocessors_of_update(bytes, kFlops, 132), 20);  // 16.5, by fours
    EXPECT_EQ(multiprocessors_of_update(bytes / 2.0, kFlops, 132), 12);
    EXPECT_EQ(multiprocessors_of_update(bytes, 2.0 * kFlops, 132), 12);
}

TEST(UpdateShareTest, ALittleIsFour) {
    EXPECT_EQ(multiprocessors_of_update(1e6, 40e12, 132), 4);
}

TEST(UpdateShareTest, WhatWouldTakeMoreThanAFifthIsNotDoneBesideAPass) {
    EXPECT_EQ(multiprocessors_of_update(128e9, 20e12, 132), 0);  // 38 of 132
    EXPECT_EQ(multiprocessors_of_update(128e9, 0.0, 132), 0);    // no pass is known
    EXPECT_EQ(multiprocessors_of_update(0.0, 40e12, 132), 0);    // nothing to update
    EXPECT_EQ(multiprocessors_of_update(1e6, 40e12, 0), 0);      // no GPU
}

}  // namespace
}  // namespace isogloss

// tests/comm/activity_test.cpp
#include "comm/activity.h"

#include <gtest/gtest.h>

#include <string>

#include "comm/collective.h"

namespace isogloss {
namespace {

TEST(ActivityTest, MarksAreSeenAndMove) {
    mark_step(7);
    mark_phase("forward", 3);
    auto const before = current_activity();
    EXPECT_STREQ(before.phase, "forward");
    EXPECT_EQ(before.layer, 3);
    EXPECT_EQ(before.step, 7);
    mark_phase("update");
    auto const after = current_activity();
    EXPECT_STREQ(after.phase, "update");
    EXPECT_EQ(after.layer, -1);
    EXPECT_EQ(after.step, 7);
    EXPECT_EQ(after.moves, before.moves + 1);
}

TEST(ActivityTest, AWaitIsNamedWhileItLasts) {
    auto const world = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    {
        Waiting const waiting("barrier", world);
        EXPECT_STREQ(current_activity().call, "barrier");
    }
    EXPECT_STREQ(current_activity().call, "");
}

TEST(ActivityTest, OnlyWaitsForAllRanksAreShared) {
    auto const world = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    auto const alone = MpiComm::split(MPI_COMM_WORLD, world.rank(), 0);
    note_world_size(world.size());
    auto const before = current_activity();
    barrier(world);
    sum_over(std::int64_t{1}, world);
    EXPECT_EQ(current_activity().shared, before.shared + 2);
    barrier(alone);
    EXPECT_EQ(current_activity().shared, before.shared + (world.size() == 1 ? 3 : 2));
    EXPECT_EQ(current_activity().moves, before.moves + 6);  // in and out
    auto const own = static_cast<std::int64_t>(current_activity().shared);
    EXPECT_EQ(max_over(own, world), own);  // the same number on each
}

}  // namespace
}  // namespace isogloss

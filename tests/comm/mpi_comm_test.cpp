// tests/comm/mpi_comm_test.cpp
#include "comm/mpi_comm.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "comm/collective.h"

namespace isogloss {
namespace {

TEST(MpiCommTest, SplitOrdersRanksByKey) {
    auto const world = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    auto const reversed = MpiComm::split(world.get(), 0, world.size() - world.rank());
    EXPECT_EQ(reversed.size(), world.size());
    EXPECT_EQ(reversed.rank(), world.size() - 1 - world.rank());
}

TEST(MpiCommTest, SplitByColorCountsOnlyItsOwn) {
    auto const world = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    int const color = world.rank() % 2;
    auto const group = MpiComm::split(world.get(), color, world.rank());
    int const even = (world.size() + 1) / 2;
    EXPECT_EQ(group.size(), color == 0 ? even : world.size() - even);
    EXPECT_EQ(group.rank(), world.rank() / 2);
    EXPECT_EQ(sum_over(std::int64_t{1}, group), group.size());
}

TEST(MpiCommTest, OfRanksIsMadeByItsMembersAloneInTheirOrder) {
    auto const world = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    std::vector<int> const ranks = world.size() > 2 ? std::vector<int>{2, 0} : std::vector<int>{0};
    for (std::size_t i = 0; i < ranks.size(); ++i) {
        if (ranks[i] == world.rank()) {
            auto const group = MpiComm::of_ranks(world, ranks, 7);
            EXPECT_EQ(group.size(), static_cast<int>(ranks.size()));
            EXPECT_EQ(group.rank(), static_cast<int>(i));
        }
    }
    barrier(world);
}

TEST(MpiCommTest, AMovedFromGroupIsNoGroup) {
    auto group = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    auto const handle = group.get();
    auto const moved = std::move(group);
    EXPECT_EQ(moved.get(), handle);
    EXPECT_EQ(group.get(), MPI_COMM_NULL);  // NOLINT(bugprone-use-after-move): what is tested
}

}  // namespace
}  // namespace isogloss

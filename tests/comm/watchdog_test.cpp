// tests/comm/watchdog_test.cpp - what a watchdog leaves alone; integration/faults_test.cpp has jobs
// that it ends.
#include "comm/watchdog.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "comm/collective.h"
#include "support/expect_error.h"
#include "support/shared_folder.h"

namespace isogloss {
namespace {

void sleep_for(int milliseconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

class WatchdogTest : public testing::Test {
protected:
    MpiComm world = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    test::SharedFolder shared;
    Log log{world.rank()};
};

TEST_F(WatchdogTest, EveryRankSaysWhatItDoesAndTakesItsFileAway) {
    auto const folder = shared.path() / "ranks";
    {
        Watchdog const watchdog({2.0}, folder, world, log);
        mark_step(12);
        mark_phase("forward", 1);
        sleep_for(300);
        for (int rank = 0; rank < world.size(); ++rank) {
            auto const heartbeat = read_heartbeat(heartbeat_file(folder, rank));
            ASSERT_TRUE(heartbeat) << rank;
            EXPECT_EQ(heartbeat->rank, rank);
            EXPECT_EQ(heartbeat->phase, "forward");
            EXPECT_EQ(heartbeat->layer, 1);
            EXPECT_EQ(heartbeat->step, 12);
            EXPECT_GT(heartbeat->beat, 1U);
        }
        barrier(world);
    }
    barrier(world);
    EXPECT_FALSE(std::filesystem::exists(folder));
    barrier(world);
}

TEST_F(WatchdogTest, RanksMayWaitLongForOneThatMoves) {
    Watchdog const watchdog({0.4}, shared.path() / "ranks", world, log);
    for (int i = 0; world.rank() == 0 && i < 30; ++i) {
        mark_phase("working");
        sleep_for(50);
    }
    barrier(world);  // here the others have been for 1.5 seconds
}

TEST_F(WatchdogTest, WithoutALimitNothingIsWritten) {
    {
        Watchdog const watchdog({0.0}, shared.path() / "ranks", world, log);
        sleep_for(100);
        EXPECT_FALSE(std::filesystem::exists(shared.path() / "ranks"));
    }
    barrier(world);
}

TEST_F(WatchdogTest, WhatAnEarlierJobLeftIsRemoved) {
    auto const folder = shared.path() / "ranks";
    if (world.rank() == 0) {
        std::filesystem::create_directories(folder);
        write_heartbeat(heartbeat_file(folder, 99), {});
    }
    barrier(world);
    {
        Watchdog const watchdog({2.0}, folder, world, log);
        EXPECT_FALSE(std::filesystem::exists(heartbeat_file(folder, 99)));
        barrier(world);
    }
    barrier(world);
}

TEST_F(WatchdogTest, AFolderThatCannotBeMadeIsEverybodysFault) {
    test::expect_error(Exit::environment, "/proc/none", [&] {
        Watchdog const watchdog({2.0}, "/proc/none/ranks", world, log);
    });
    barrier(world);
}

}  // namespace
}  // namespace isogloss

// tests/base/stop_test.cpp
#include "base/stop.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include "support/expect_error.h"

namespace isogloss {
namespace {

TEST(StopTest, NothingIsRequestedAtFirst) {
    StopSignal const stop;
    EXPECT_FALSE(stop.requested());
    EXPECT_STREQ(stop.name(), "");
}

TEST(StopTest, EachSignalSetsTheFlagAndIsNamed) {
    struct Case {
        int signal;
        char const* name;
    };
    for (auto const& one :
         {Case{SIGTERM, "SIGTERM"}, Case{SIGUSR1, "SIGUSR1"}, Case{SIGUSR2, "SIGUSR2"},
          Case{SIGINT, "SIGINT"}}) {
        StopSignal const stop;
        std::raise(one.signal);
        EXPECT_TRUE(stop.requested()) << one.name;
        EXPECT_STREQ(stop.name(), one.name);
    }
}

TEST(StopTest, ARequestOfTheProgramCountsLikeASignal) {
    StopSignal stop;
    stop.request();
    EXPECT_TRUE(stop.requested());
    EXPECT_STREQ(stop.name(), "request");
}

TEST(StopTest, AThreadThatPollsSeesTheSignalOfAnother) {
    StopSignal const stop;
    bool seen = false;
    std::thread worker([&] {
        for (int i = 0; i < 5000 && !seen; ++i) {
            seen = stop.requested();
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    std::raise(SIGUSR1);
    worker.join();
    EXPECT_TRUE(seen);
}

TEST(StopTest, TheHandlersFromBeforeReturn) {
    std::signal(SIGUSR2, SIG_IGN);
    { StopSignal const stop; }
    EXPECT_EQ(std::signal(SIGUSR2, SIG_DFL), SIG_IGN);
}

TEST(StopTest, TwoAtATimeAreRefused) {
    StopSignal const first;
    test::expect_error(Exit::internal, "second StopSignal", [] { StopSignal const second; });
}

TEST(StopDeathTest, ASecondInterruptEndsTheProgram) {
    EXPECT_EXIT(
        {
            StopSignal const stop;
            std::raise(SIGINT);
            std::raise(SIGINT);
        },
        testing::KilledBySignal(SIGINT), ""
    );
}

}  // namespace
}  // namespace isogloss

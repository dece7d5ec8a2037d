// tests/base/stop_test.cpp
#include "base/stop.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "base/stop_rules.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

// An end of the Slurm job so many seconds from now, while one lives.
class JobEnd {
public:
    explicit JobEnd(double seconds) {
        auto const now = std::chrono::system_clock::now().time_since_epoch();
        auto const end = std::chrono::duration<double>(now).count() + seconds;
        ::setenv("SLURM_JOB_END_TIME", std::to_string(std::llround(end)).c_str(), 1);
    }
    ~JobEnd() { ::unsetenv("SLURM_JOB_END_TIME"); }
    JobEnd(JobEnd const&) = delete;
    JobEnd& operator=(JobEnd const&) = delete;
};

void sleep_for(int milliseconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

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

TEST(StopTest, StopAfterCountsFromTheBeginning) {
    StopSignal stop;
    stop.heed({.stop_after = {0.2}});
    EXPECT_FALSE(stop.requested());
    EXPECT_FALSE(stop.requested(1000.0));  // a request has no limit behind it
    sleep_for(250);
    EXPECT_TRUE(stop.requested());
    EXPECT_STREQ(stop.name(), "--stop-after");
}

TEST(StopTest, TheEarlierOfTwoClocksIsTheOneThatIsLeft) {
    {
        StopSignal stop;
        EXPECT_LT(stop.seconds_left(), 0.0);
        stop.heed({});
        EXPECT_LT(stop.seconds_left(), 0.0);
    }
    JobEnd const end(1000.0);  // and 50 seconds of margin; its clock counts whole seconds
    for (double const after : {0.0, 500.0, 2000.0}) {
        StopSignal stop;
        stop.heed({.stop_after = {after}});
        EXPECT_NEAR(stop.seconds_left(), after == 500.0 ? 500.0 : 950.0, 2.0);
    }
}

TEST(StopTest, TheFirstRulesCount) {
    StopSignal stop;
    stop.heed({});
    stop.heed({.stop_after = {1e-9}});
    EXPECT_FALSE(stop.requested());
}

TEST(StopTest, TheJobsEndIsHeededInTimeForWhatIsLeftToDo) {
    JobEnd const end(1000.0);  // margin: 50 seconds
    StopSignal stop;
    stop.heed({});
    EXPECT_FALSE(stop.requested());
    EXPECT_FALSE(stop.requested(900.0));
    EXPECT_TRUE(stop.requested(960.0));
    EXPECT_STREQ(stop.name(), "the job's time limit");
    EXPECT_TRUE(stop.requested());  // and stays
}

TEST(StopTest, TheJobsEndCanBeIgnored) {
    JobEnd const end(10.0);
    StopSignal stop;
    stop.heed({.time_limit = TimeLimit::ignore});
    EXPECT_FALSE(stop.requested(100.0));
}

TEST(StopTest, AnEndThatIsNoNumberOrPastIsNoLimit) {
    for (auto const* text : {"", "soon", "0", "1000"}) {
        ::setenv("SLURM_JOB_END_TIME", text, 1);
        StopSignal stop;
        stop.heed({});
        EXPECT_FALSE(stop.requested(100.0)) << text;
    }
    ::unsetenv("SLURM_JOB_END_TIME");
}

TEST(StopTest, TheMarginGrowsWithTheJob) {
    EXPECT_EQ(time_limit_margin(60.0), 5.0);
    EXPECT_EQ(time_limit_margin(1000.0), 50.0);
    EXPECT_EQ(time_limit_margin(43200.0), 120.0);
}

TEST(StopTest, AFileIsSeenWithinASecondAndRemovedWhenObeyed) {
    test::TemporaryFolder const folder;
    auto const file = folder.path() / "STOP";
    StopSignal stop;
    stop.watch(folder.path() / "another" / "STOP");
    stop.watch(file);
    EXPECT_FALSE(stop.requested());
    std::ofstream(file) << "\n";
    sleep_for(1100);
    EXPECT_TRUE(stop.requested());
    EXPECT_STREQ(stop.name(), "a STOP file");
    EXPECT_EQ(stop.remove_files(), std::vector{file});
    EXPECT_FALSE(std::filesystem::exists(file));
    EXPECT_TRUE(stop.requested());
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

// comm/folder_claim_test.cpp
#include "comm/folder_claim.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <thread>

#include "base/clock.h"
#include "base/json.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::TemporaryFolder;

// Ten times as fast as a job's, but for the pause: two processes on a loaded machine.
constexpr FolderClaim::Rhythm kFast{.beat = 0.05, .patience = 1.0, .pause = 0.3};

void sleep_for(double seconds) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

void write_record(std::filesystem::path const& folder, ClaimRecord const& record) {
    Json const value{{"host", record.host},       {"machine", record.machine},
                     {"process", record.process}, {"started", record.started},
                     {"job", record.job},         {"since", record.since},
                     {"beat", record.beat}};
    auto const path = folder / "in-use.json";
    std::fstream file(path, std::ios::in | std::ios::out);  // in place: never empty
    if (!file) {
        file.open(path, std::ios::out);
    }
    file << value.dump() + "\n";
}

// 1 000 000 000 s after 1970 began was 2001-09-09 01:46:40 UTC.
ClaimRecord of_another_machine() {
    return {"n2", "another machine", 4711, 99, "88", 1e9, 0};
}

void claim(std::filesystem::path const& folder) {
    Log log;
    FolderClaim const own(folder, log, kFast);
}

// Runs `work` in a process of its own, whose exit code is what it returns.
pid_t in_child(std::function<int()> const& work) {
    auto const child = ::fork();
    if (child == 0) {
        ::_exit(work());
    }
    return child;
}

int code_of(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// Holds the folder for `seconds`; 4: it was another's.
int hold(std::filesystem::path const& folder, double seconds) {
    try {
        Log log;
        FolderClaim const own(folder, log, kFast);
        sleep_for(seconds);
        return 0;
    } catch (Error const& error) {
        return static_cast<int>(error.code());
    }
}

void wait_for_claim(std::filesystem::path const& folder) {
    for (Timer const timer; !read_claim(folder) && timer.seconds() < 20.0;) {
        sleep_for(0.01);
    }
    ASSERT_TRUE(read_claim(folder));
}

TEST(FolderClaimTest, IsThisProcessesAndIsGivenBack) {
    TemporaryFolder const folder;
    {
        Log log;
        FolderClaim const own(folder.path(), log, kFast);
        auto const record = read_claim(folder.path());
        ASSERT_TRUE(record);
        EXPECT_EQ(record->process, ::getpid());
        EXPECT_TRUE(record->is_same_holder(own_claim()));
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(FolderClaimTest, ASecondJobIsRefusedAtOnceAndToldOfTheFirst) {
    TemporaryFolder const folder;
    Log log;
    FolderClaim const own(folder.path(), log, kFast);
    Timer const timer;
    expect_error(
        Exit::environment,
        "another job works in this folder: process " + std::to_string(::getpid()),
        [&] { claim(folder.path()); }
    );
    EXPECT_LT(timer.seconds(), kFast.patience);
    EXPECT_TRUE(read_claim(folder.path()));
}

TEST(FolderClaimTest, AHolderElsewhereWhoseBeatRisesIsAlive) {
    TemporaryFolder const folder;
    auto record = of_another_machine();
    write_record(folder.path(), record);
    std::jthread const holder([&](std::stop_token const& stop) {
        while (!stop.stop_requested()) {
            sleep_for(0.2);
            ++record.beat;
            write_record(folder.path(), record);
        }
    });
    expect_error(
        Exit::environment, "process 4711 on n2 (Slurm job 88), since 2001-09-09 01:46:40 UTC",
        [&] { claim(folder.path()); }
    );
}

TEST(FolderClaimTest, AHolderElsewhereIsFollowedWhenItsBeatStandsStill) {
    TemporaryFolder const folder;
    write_record(folder.path(), of_another_machine());
    Timer const timer;
    claim(folder.path());
    EXPECT_GE(timer.seconds(), kFast.patience);
    EXPECT_LT(timer.seconds(), 10 * kFast.patience);  // the rest is for a loaded machine
}

// The killed process is not waited for: it is still in the table of processes.
TEST(FolderClaimTest, AKilledHolderOnThisMachineIsFollowedAtOnce) {
    TemporaryFolder const folder;
    auto const child = in_child([&] { return hold(folder.path(), 60.0); });
    wait_for_claim(folder.path());
    EXPECT_EQ(read_claim(folder.path())->process, child);
    ::kill(child, SIGKILL);
    sleep_for(0.05);
    Log log;
    Timer const timer;
    FolderClaim const own(folder.path(), log, {.beat = 0.05, .patience = 60.0, .pause = 0.3});
    EXPECT_LT(timer.seconds(), 20.0);
    EXPECT_EQ(code_of(child), -SIGKILL);
}

TEST(FolderClaimTest, AProcessThatGotTheNumberOfTheHolderIsAnother) {
    TemporaryFolder const folder;
    auto record = own_claim();
    --record.started;
    write_record(folder.path(), record);
    EXPECT_NO_THROW(claim(folder.path()));
}

TEST(FolderClaimTest, AFileThatCannotBeReadIsFollowedAfterAWhile) {
    TemporaryFolder const folder;
    test::write_content(folder / "in-use.json", "{\"host\": ");
    Timer const timer;
    claim(folder.path());
    EXPECT_GE(timer.seconds(), kFast.patience);
}

TEST(FolderClaimTest, OfSeveralThatFollowAtOnceOneHasIt) {
    TemporaryFolder const folder;
    write_record(folder.path(), of_another_machine());
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
        children.push_back(in_child([&] { return hold(folder.path(), 3.0); }));
    }
    std::vector<int> codes;
    for (auto const child : children) {
        codes.push_back(code_of(child));
    }
    EXPECT_EQ(std::ranges::count(codes, 0), 1);
    EXPECT_EQ(std::ranges::count(codes, 4), 3);
}

TEST(FolderClaimTest, AHolderThatWasFollowedEnds) {
    TemporaryFolder const folder;
    auto const child = in_child([&] { return hold(folder.path(), 60.0); });
    wait_for_claim(folder.path());
    write_record(folder.path(), of_another_machine());
    EXPECT_EQ(code_of(child), 4);
    EXPECT_EQ(read_claim(folder.path())->process, 4711);
}

TEST(FolderClaimTest, AFolderThatIsNotThereIsTheEnvironmentsFault) {
    TemporaryFolder const folder;
    expect_error(Exit::environment, "in-use.json: cannot be written", [&] {
        claim(folder / "nowhere");
    });
}

}  // namespace
}  // namespace isogloss

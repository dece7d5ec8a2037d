// integration/crashes_test.cpp - ranks that are killed or stand still, disks that fail: what is
// left of a run, and that no job outlives it.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>

#include "comm/folder_claim.h"
#include "comm/heartbeat.h"
#include "integration/stage.h"

namespace isogloss {
namespace {

using test::expect_parts;
using test::Outcome;
using test::stage;
using test::Words;

class CrashesTest : public testing::Test {
protected:
    static void SetUpTestSuite() { stage = std::make_unique<test::Stage>("crashes"); }
    static void TearDownTestSuite() { stage.reset(); }
};

// The newest checkpoint's step; 0 when there is none.
int newest_step(std::filesystem::path const& run) {
    int newest = 0;
    std::error_code error;
    for (auto const& entry : std::filesystem::directory_iterator(run / "checkpoints", error)) {
        auto const name = entry.path().filename().string();
        if (name.size() == 13 && name.starts_with("step-") &&
            std::filesystem::exists(entry.path() / "manifest.json")) {
            newest = std::max(newest, std::stoi(name.substr(5)));
        }
    }
    return newest;
}

void sleep_for(int milliseconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

// A run that is under way, and the processes of its ranks.
struct Running {
    std::string out;
    std::unique_ptr<test::Job> job;
    std::vector<pid_t> ranks;

    [[nodiscard]] bool is_gone() const {
        return test::wait_until([&] { return test::ranks_of(out).empty(); }, 20.0);
    }
};

Running start(int ranks, std::string const& out, Words const& words) {
    Running run{(*stage / out).string(), stage->start(ranks, words), {}};
    EXPECT_TRUE(test::wait_until([&] {
        run.ranks = test::ranks_of(run.out);
        return run.ranks.size() == static_cast<std::size_t>(std::max(ranks, 1));
    }));
    return run;
}

// A small disk, mounted where the test may.
class Disk {
public:
    Disk(std::string const& name, std::string const& size) : path_(*stage / name) {
        std::filesystem::create_directories(path_);
        is_there_ =
            ::mount("isogloss-test", path_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
    }
    ~Disk() {
        if (is_there_) {
            ::umount2(path_.c_str(), MNT_DETACH);
        }
    }
    Disk(Disk const&) = delete;
    Disk& operator=(Disk const&) = delete;

    [[nodiscard]] bool is_there() const { return is_there_; }
    // False where a file is open for writing.
    [[nodiscard]] bool forbid_writing() const {
        return ::mount(nullptr, path_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0;
    }

private:
    std::filesystem::path path_;
    bool is_there_ = false;
};

// Kills a run at random moments and starts it again, and compares its end with that of one that was
// left alone. 0 ranks: one process, without mpirun, whose start and end take seconds. The moments
// spread over a time that follows the machine's speed: about a third lie behind a new step.
void expect_same_after_kills(int ranks, int kills, std::string const& name) {
    auto const left_alone = name + "-straight";
    Words const common{"--train.schedule=constant", "--train.checkpoint-every=1"};
    std::mt19937 random(7);
    int committed = 0;
    int moved = 0;
    double longest = 1500.0;
    for (int i = 0; i < kills; ++i) {
        auto run = start(ranks, name, stage->train(name, 100000, common));
        sleep_for(std::uniform_int_distribution(0, static_cast<int>(longest))(random));
        for (auto const rank : run.ranks) {
            ::kill(rank, SIGKILL);
        }
        EXPECT_NE(run.job->wait().code, 0);
        ASSERT_TRUE(run.is_gone()) << "zombies";
        auto const newest = newest_step(run.out);
        ASSERT_GE(newest, committed) << "a committed step is lost, kill " << i;
        moved += newest > committed ? 1 : 0;
        longest *= newest > committed ? 0.8 : 1.1;
        committed = newest;
        if (committed > 0) {
            auto const checkpoint = stage->checkpoint(name, committed);
            auto const verified = stage->run(0, {"model", "verify", checkpoint.string()});
            ASSERT_EQ(verified.code, 0) << verified;
        }
    }
    EXPECT_GT(moved, kills / 10) << "most kills came before the first step";
    int const last = committed + 3;
    auto const end = stage->run(ranks, stage->train(name, last, common));
    ASSERT_EQ(end.code, 0) << end;
    auto const straight = stage->run(
        ranks,
        stage->train(left_alone, last, {"--train.schedule=constant", "--train.checkpoint-every=0"})
    );
    ASSERT_EQ(straight.code, 0) << straight;
    EXPECT_EQ(
        test::shards_of(stage->checkpoint(name, last)),
        test::shards_of(stage->checkpoint(left_alone, last))
    );
    auto const losses = test::losses_of(*stage / name);
    EXPECT_EQ(losses.size(), static_cast<std::size_t>(last));
    EXPECT_EQ(losses, test::losses_of(*stage / left_alone));
    EXPECT_TRUE(test::half_written(*stage / name).empty());
}

TEST_F(CrashesTest, KilledAtFiftyMomentsARunEndsTheSame) {
    expect_same_after_kills(0, 50, "killed");
}

TEST_F(CrashesTest, RanksKilledAtTenMomentsEndTheSame) {
    expect_same_after_kills(2, 10, "killed-ranks");
}

TEST_F(CrashesTest, AKilledRankIsNamed) {
    auto run = start(3, "lost", stage->train("lost", 100000, {"--train.checkpoint-every=0"}));
    ASSERT_TRUE(test::wait_until([&] { return test::losses_of(run.out).size() > 3; }));
    auto const victim = read_heartbeat(heartbeat_file(*stage / "lost" / "ranks", 1));
    ASSERT_TRUE(victim);
    auto const begin = std::chrono::steady_clock::now();
    ::kill(static_cast<pid_t>(victim->process), SIGKILL);
    expect_parts(run.job->wait(), 128 + SIGKILL, {"rank 1"});
    ASSERT_TRUE(run.is_gone()) << "zombies";
    // mpirun needs two to three seconds; the rest is for a loaded machine.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST_F(CrashesTest, ARankThatStandsStillIsNamedAndEndsTheJob) {
    auto run = start(
        3, "still", stage->train("still", 100000, {"--train.checkpoint-every=0", "--watchdog=2s"})
    );
    ASSERT_TRUE(test::wait_until([&] { return test::losses_of(run.out).size() > 3; }));
    auto const ranks = *stage / "still" / "ranks";
    auto const victim = read_heartbeat(heartbeat_file(ranks, 1));
    ASSERT_TRUE(victim);
    auto const begin = std::chrono::steady_clock::now();
    ::kill(static_cast<pid_t>(victim->process), SIGSTOP);
    auto const outcome = run.job->wait();
    expect_parts(
        outcome, 4,
        {"nothing moved on any rank for 2.0 s", "rank 1: silent for", "last seen in ",
         ", process " + std::to_string(victim->process), "ending all ranks with exit code 4"}
    );
    // In one collective they share a line; the stopped rank may have served one of them further.
    bool const in_one = outcome.err.find("ranks 0, 2: waiting for") != std::string::npos;
    expect_parts(
        outcome, 4, in_one ? Words{} : Words{"rank 0: waiting for", "rank 2: waiting for"}
    );
    // The limit, 20 % and 15 seconds, and mpirun's own end.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(25));
    EXPECT_TRUE(run.is_gone()) << "zombies";
    EXPECT_NE(test::content_of(ranks / "hang.txt").find("rank 1: silent"), std::string::npos);
}

TEST_F(CrashesTest, AJobThatWasSuspendedGoesOn) {
    auto run = start(
        2, "suspended",
        stage->train("suspended", 100000, {"--train.checkpoint-every=0", "--watchdog=2s"})
    );
    ASSERT_TRUE(test::wait_until([&] { return test::losses_of(run.out).size() > 3; }));
    for (auto const rank : run.ranks) {
        ::kill(rank, SIGSTOP);
    }
    sleep_for(4000);
    auto const before = test::losses_of(run.out).size();
    for (auto const rank : run.ranks) {
        ::kill(rank, SIGCONT);
    }
    EXPECT_TRUE(test::wait_until([&] { return test::losses_of(run.out).size() > before + 3; }));
    run.job->send(SIGUSR1);
    EXPECT_EQ(run.job->wait().code, 75);
    EXPECT_FALSE(std::filesystem::exists(*stage / "suspended" / "ranks"));
}

TEST_F(CrashesTest, ASecondJobInTheSameFolderIsRefused) {
    Words const often{"--train.checkpoint-every=1"};
    auto run = start(2, "taken", stage->train("taken", 100000, often));
    ASSERT_TRUE(test::wait_until([&] { return newest_step(run.out) > 1; }));
    auto const holder = read_claim(run.out);
    ASSERT_TRUE(holder);
    for (int const ranks : {0, 2}) {
        expect_parts(
            stage->run(ranks, stage->train("taken", 100000, often)), 4,
            {"taken: another job works in this folder: process " + std::to_string(holder->process) +
                 " on " + holder->host + ", since ",
             "name another folder"}
        );
    }
    auto const before = newest_step(run.out);
    EXPECT_TRUE(test::wait_until([&] { return newest_step(run.out) > before + 1; }));
    run.job->send(SIGUSR1);
    auto const outcome = run.job->wait();
    EXPECT_EQ(outcome.code, 75) << outcome;
    EXPECT_FALSE(std::filesystem::exists(*stage / "taken" / "in-use.json"));
    EXPECT_TRUE(test::half_written(run.out).empty());
}

// As after the end of a node: the file says another machine, and nobody writes it any more.
TEST_F(CrashesTest, AJobWhoseNodeIsGoneIsFollowedInSeconds) {
    auto run = start(2, "node", stage->train("node", 100000, {"--train.checkpoint-every=1"}));
    ASSERT_TRUE(test::wait_until([&] { return newest_step(run.out) > 1; }));
    for (auto const rank : run.ranks) {
        ::kill(rank, SIGKILL);
    }
    run.job->wait();
    ASSERT_TRUE(run.is_gone()) << "zombies";
    auto const file = *stage / "node" / "in-use.json";
    auto text = test::content_of(file);
    auto const machine = text.find("\"machine\":\"") + 11;
    text[machine] = text[machine] == 'x' ? 'y' : 'x';
    test::write_content(file, text);
    auto const begin = std::chrono::steady_clock::now();
    auto const next = stage->run(2, stage->train("node", newest_step(run.out) + 1));
    expect_parts(next, 0, {"is marked as in use by process", "was left by a job that is gone"});
    auto const passed = std::chrono::steady_clock::now() - begin;
    EXPECT_GE(passed, std::chrono::seconds(10));
    EXPECT_LT(passed, std::chrono::seconds(40));  // the rest is for a loaded machine
}

TEST_F(CrashesTest, AFolderThatIsReadOnlyIsFoundBeforeWorkBegins) {
    Disk const disk("read-only", "1m");
    if (!disk.is_there()) {
        GTEST_SKIP() << "this user may not mount the disk that the test makes read-only";
    }
    ASSERT_TRUE(disk.forbid_writing());
    auto const outcome = stage->run(2, stage->train("read-only/run", 5));
    expect_parts(outcome, 4, {"read-only/run"});
    EXPECT_EQ(outcome.err.find("starting from"), std::string::npos) << outcome;
}

// The damage to a file, and what each command that reads it says.
TEST_F(CrashesTest, ADamagedShardOfAnyKindIsNamed) {
    for (std::string const name :
         {"backbone-00000.h5", "L00-E001.h5", "routers.h5", "optimizer-00000.h5",
          "manifest.json"}) {
        auto const run = *stage / "damaged";
        std::filesystem::remove_all(run);
        ASSERT_EQ(stage->run(2, stage->train("damaged", 3)).code, 0);
        auto const checkpoint = stage->checkpoint("damaged", 3);
        auto const file = checkpoint / name;
        auto const content = test::content_of(file);
        for (bool const is_cut : {true, false}) {
            auto spoiled = content;
            if (is_cut) {
                spoiled.resize(content.size() / 2);
            } else {
                spoiled[name == "manifest.json" ? 0 : content.size() / 2] ^= 1;
            }
            std::filesystem::remove(file);  // a hard link: the other checkpoint keeps its bytes
            test::write_content(file, spoiled);
            auto const verified = stage->run(0, {"model", "verify", checkpoint.string()});
            expect_parts(verified, 3, {name});
        }
        expect_parts(stage->run(2, stage->train("damaged", 6)), 3, {name});
    }
}

}  // namespace
}  // namespace isogloss

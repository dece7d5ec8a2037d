// integration/checkpoints_test.cpp - runs whose newest checkpoint is damaged, or whose disk is too
// small for the next one.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <functional>

#include "integration/stage.h"

namespace isogloss {
namespace {

using test::stage;

// A run of 15 steps with checkpoints of 5, 10 and 15.
class CheckpointsTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        stage = std::make_unique<test::Stage>("checkpoints");
        auto const outcome = stage->run(2, stage->train("straight", 15));
        ASSERT_EQ(outcome.code, 0) << outcome;
    }
    static void TearDownTestSuite() { stage.reset(); }
};

// The run as a job left it that was killed after step 10.
std::filesystem::path run_of_ten_steps(std::string const& name) {
    auto const to = *stage / name;
    std::filesystem::copy(
        *stage / "straight", to,
        std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks
    );
    std::filesystem::remove_all(stage->checkpoint(name, 15));
    return to;
}

struct Damage {
    std::string name;
    std::function<void(std::filesystem::path const&)> make;
    std::string said;
};

void cut(std::filesystem::path const& path) {
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 9);
}

void flip(std::filesystem::path const& path) {
    auto bytes = test::content_of(path);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
    test::write_content(path, bytes);
}

TEST_F(CheckpointsTest, ADamagedNewestOneIsReportedAndTheOneBeforeUsed) {
    std::vector<Damage> const damages{
        {"cut", [](auto const& of) { cut(of / "optimizer-00000.h5"); }, "optimizer-00000.h5: has"},
        {"flip", [](auto const& of) { flip(of / "L01-E001.h5"); }, "L01-E001.h5: its bytes hash"},
        {"gone", [](auto const& of) { std::filesystem::remove(of / "routers.h5"); }, "routers.h5"},
        {"json", [](auto const& of) { cut(of / "manifest.json"); }, "manifest.json: not valid"}};
    for (auto const& damage : damages) {
        auto const run = run_of_ten_steps(damage.name);
        auto const newest = stage->checkpoint(damage.name, 10);
        damage.make(newest);
        auto const outcome = stage->run(2, stage->train(damage.name, 15));
        EXPECT_EQ(outcome.code, 0) << damage.name << outcome;
        for (auto const& part : {"step-00000010 is damaged", damage.said.c_str(), "step 5 to 15"}) {
            EXPECT_NE(outcome.err.find(part), std::string::npos) << part << outcome;
        }
        EXPECT_TRUE(std::filesystem::exists(newest.string() + ".damaged"));
        EXPECT_EQ(
            test::shards_of(stage->checkpoint(damage.name, 15)),
            test::shards_of(stage->checkpoint("straight", 15))
        ) << damage.name;
        EXPECT_EQ(std::filesystem::read_symlink(run / "checkpoints/latest"), "step-00000015");
    }
}

TEST_F(CheckpointsTest, ARunWithoutALatestLinkGoesOnAndHasOneAgain) {
    auto const run = run_of_ten_steps("no-link");
    std::filesystem::remove(run / "checkpoints/latest");
    auto const outcome = stage->run(2, stage->train("no-link", 11));
    EXPECT_EQ(outcome.code, 0) << outcome;
    EXPECT_NE(outcome.err.find("step 10 to 11"), std::string::npos) << outcome;
    EXPECT_EQ(std::filesystem::read_symlink(run / "checkpoints/latest"), "step-00000011");
}

// Before the run has saved anything itself.
TEST_F(CheckpointsTest, LatestNamesTheCheckpointThatARunGoesOnFrom) {
    auto const run = run_of_ten_steps("link");
    flip(stage->checkpoint("link", 10) / "L01-E001.h5");
    auto const job = stage->start(2, stage->train("link", 100000, {"--train.checkpoint-every=0"}));
    EXPECT_TRUE(test::wait_until([&] {
        auto const losses = test::losses_of(run);
        return !losses.empty() && losses.back().first > 15;
    }));
    EXPECT_EQ(std::filesystem::read_symlink(run / "checkpoints/latest"), "step-00000005");
    job->send(SIGUSR1);
    EXPECT_EQ(job->wait().code, 75);
}

TEST_F(CheckpointsTest, WhereNoneIsWholeNothingIsTouched) {
    run_of_ten_steps("none");
    flip(stage->checkpoint("none", 10) / "backbone-00000.h5");
    cut(stage->checkpoint("none", 5) / "L00-E000.h5");
    auto const outcome = stage->run(2, stage->train("none", 15));
    EXPECT_EQ(outcome.code, 3) << outcome;
    for (auto const* part : {"none of the 2 checkpoints is whole", "backbone-00000.h5"}) {
        EXPECT_NE(outcome.err.find(part), std::string::npos) << part << outcome;
    }
    EXPECT_TRUE(std::filesystem::exists(stage->checkpoint("none", 10)));
}

TEST_F(CheckpointsTest, ADiskTooSmallForTheFirstCheckpointIsToldBeforeTheFirstStep) {
    auto const disk = *stage / "disk";
    std::filesystem::create_directories(disk);
    if (::mount("isogloss-test", disk.c_str(), "tmpfs", 0, "size=200k") != 0) {
        GTEST_SKIP() << "this user may not mount a small disk";
    }
    auto const outcome = stage->run(2, stage->train("disk/run", 5));
    auto const steps = test::losses_of(disk / "run");
    ::umount2(disk.c_str(), MNT_DETACH);
    EXPECT_EQ(outcome.code, 4) << outcome;
    EXPECT_NE(outcome.err.find("bytes are needed and"), std::string::npos) << outcome;
    EXPECT_TRUE(steps.empty());
}

}  // namespace
}  // namespace isogloss

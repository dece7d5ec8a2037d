// checkpoint/run_checkpoints_test.cpp
#include "checkpoint/run_checkpoints.h"

#include <gtest/gtest.h>

#include <functional>

#include "checkpoint/partial_checkpoint.h"
#include "support/all_ranks.h"
#include "support/checkpoint_fixture.h"

namespace isogloss {
namespace {

using test::SharedFolder;
using test::TemporaryFolder;
using Steps = std::vector<std::int64_t>;

HashCheck always(Manifest const& /*manifest*/) {
    return HashCheck::compare;
}

/// A run with checkpoints of steps 10 and 20, the second of which is to be damaged.
class NewestTest : public testing::Test {
protected:
    NewestTest() : world_(test::all_ranks()) {
        auto const config = test::small_config();
        ParameterTable table(config, test::round_robin(config, world_.size()), world_, Device::cpu);
        for (auto const step : {10, 20}) {
            SaveInput const input{config, table, {}, nullptr};
            save_checkpoint(
                folder_ / step_folder(step).string(), input, test::small_info(step), world_
            );
        }
    }

    void on_rank_0(std::function<void(std::filesystem::path const&)> const& damage) {
        barrier(world_);
        if (world_.rank() == 0) {
            damage(folder_ / step_folder(20).string());
        }
        barrier(world_);
    }

    // The checkpoint before is found, on every rank, and `part` is said of the damaged one.
    void expect_found(std::string const& part) {
        auto const found = newest_whole_checkpoint(folder_.path(), always, world_);
        ASSERT_TRUE(found.whole.has_value());
        EXPECT_EQ(found.whole->folder, folder_ / step_folder(10).string());
        EXPECT_EQ(found.whole->manifest.info.step, 10);
        ASSERT_EQ(found.damaged.size(), 1U);
        EXPECT_EQ(found.damaged[0].folder, folder_ / step_folder(20).string());
        ASSERT_EQ(found.damaged[0].problems.size(), 1U);
        EXPECT_NE(found.damaged[0].problems[0].find(part), std::string::npos)
            << found.damaged[0].problems[0];
        barrier(world_);
    }

    MpiComm world_;
    SharedFolder folder_;
};

void flip_last_byte(std::filesystem::path const& path) {
    auto bytes = test::content_of(path);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    test::write_content(path, bytes);
}

TEST_F(NewestTest, IsTheHighestStepWhereAllIsWell) {
    auto const found = newest_whole_checkpoint(folder_.path(), always, world_);
    ASSERT_TRUE(found.whole.has_value());
    EXPECT_EQ(found.whole->folder, folder_ / step_folder(20).string());
    EXPECT_TRUE(found.damaged.empty());
    EXPECT_FALSE(newest_whole_checkpoint(folder_ / "nowhere", always, world_).whole.has_value());
}

TEST_F(NewestTest, ACutFileSendsTheRunOneBack) {
    on_rank_0([](auto const& folder) {
        auto const path = folder / "L01-E001.h5";
        std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
    });
    expect_found("L01-E001.h5: has");
}

TEST_F(NewestTest, AFlippedByteSendsTheRunOneBack) {
    for (auto const* file : {"backbone-00000.h5", "routers.h5", "L02-E001.h5"}) {
        on_rank_0([&](auto const& folder) { flip_last_byte(folder / file); });
        expect_found(file);
        on_rank_0([&](auto const& folder) { flip_last_byte(folder / file); });  // back again
    }
    EXPECT_TRUE(newest_whole_checkpoint(folder_.path(), always, world_).damaged.empty());
}

TEST_F(NewestTest, AMissingFileSendsTheRunOneBack) {
    on_rank_0([](auto const& folder) { std::filesystem::remove(folder / "routers.h5"); });
    expect_found("routers.h5");
}

TEST_F(NewestTest, ABadManifestSendsTheRunOneBack) {
    on_rank_0([](auto const& folder) {
        auto const path = folder / "manifest.json";
        std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
    });
    expect_found("manifest.json: not valid JSON");
}

TEST_F(NewestTest, AManifestOfAnotherStepSendsTheRunOneBack) {
    on_rank_0([](auto const& folder) {
        std::filesystem::copy_file(
            folder.parent_path() / step_folder(10) / "manifest.json", folder / "manifest.json",
            std::filesystem::copy_options::overwrite_existing
        );
    });
    expect_found("its manifest is of step 10");
}

TEST_F(NewestTest, LatestIsForPeopleAndMayBeMissing) {
    on_rank_0([](auto const& folder) { std::filesystem::remove(folder.parent_path() / "latest"); });
    auto const found = newest_whole_checkpoint(folder_.path(), always, world_);
    ASSERT_TRUE(found.whole.has_value());
    EXPECT_EQ(found.whole->manifest.info.step, 20);
}

TEST_F(NewestTest, EveryDamagedOneIsToldWhereNoneIsWhole) {
    on_rank_0([](auto const& folder) {
        flip_last_byte(folder / "routers.h5");
        std::filesystem::remove(folder.parent_path() / step_folder(10) / "routers.h5");
    });
    auto const found = newest_whole_checkpoint(folder_.path(), always, world_);
    EXPECT_FALSE(found.whole.has_value());
    EXPECT_EQ(found.damaged.size(), 2U);
}

TEST_F(NewestTest, ARuleMaySpareTheHashing) {
    on_rank_0([](auto const& folder) { flip_last_byte(folder / "routers.h5"); });
    auto const rule = [](Manifest const& manifest) {
        return manifest.info.step < 20 ? HashCheck::compare : HashCheck::skip;
    };
    EXPECT_TRUE(newest_whole_checkpoint(folder_.path(), rule, world_).damaged.empty());
}

TEST_F(NewestTest, WhatIsSetAsideIsNoCheckpoint) {
    on_rank_0([](auto const& folder) {
        std::filesystem::create_directory(folder.string() + ".damaged");  // an older one
        set_aside(folder);
        EXPECT_TRUE(std::filesystem::exists(folder.string() + ".damaged/routers.h5"));
    });
    EXPECT_EQ(checkpoint_steps(folder_.path()), (Steps{10}));
}

// Counted by hand.
TEST(RetentionTest, KeepsTheNewestAndEveryNth) {
    Steps const steps{5, 10, 15, 20, 25, 30};
    EXPECT_EQ(superseded(steps, {.last = 3, .every = 0}), (Steps{5, 10, 15}));
    EXPECT_EQ(superseded(steps, {.last = 2, .every = 10}), (Steps{5, 15}));
    EXPECT_EQ(superseded(steps, {.last = 0, .every = 10}), (Steps{}));
    EXPECT_EQ(superseded(steps, {.last = 1, .every = 0}), (Steps{5, 10, 15, 20, 25}));
    EXPECT_EQ(superseded(steps, {.last = 9, .every = 0}), (Steps{}));
    EXPECT_EQ(superseded({}, {.last = 1, .every = 1}), (Steps{}));
}

void commit_step(std::filesystem::path const& root, std::int64_t step) {
    auto manifest = test::paper_manifest(test::small_config());
    manifest.info.step = step;
    PartialCheckpoint partial(root / step_folder(step), 0, IfThere::replace);
    partial.commit(manifest);
}

TEST(RetentionTest, RetiredOnesAreOutOfTheListAtOnce) {
    TemporaryFolder const root;
    for (auto const step : {1, 2, 3, 4}) {
        commit_step(root.path(), step);
    }
    test::write_content(root / "step-00000001/shared.h5", "content");
    std::filesystem::create_hard_link(
        root / "step-00000001/shared.h5", root / "step-00000004/shared.h5"
    );
    EXPECT_EQ(point_latest(root / step_folder(2)), "");
    // 4 is newer than what was just saved, and latest still names 2.
    EXPECT_EQ(retire(root.path(), 3, {.last = 1}).size(), 1U);
    EXPECT_EQ(checkpoint_steps(root.path()), (Steps{2, 3, 4}));
    remove_partial_checkpoints(root.path());  // as the next job does, if this one is killed here
    EXPECT_FALSE(std::filesystem::exists(root / "step-00000001.removed.partial"));
    EXPECT_EQ(test::content_of(root / "step-00000004/shared.h5"), "content");
}

TEST(LatestTest, AFolderOfThatNameIsLeftAlone) {
    TemporaryFolder const root;
    commit_step(root.path(), 7);
    std::filesystem::create_directories(root / "latest/mine");
    EXPECT_NE(point_latest(root / step_folder(7)), "");
    EXPECT_TRUE(std::filesystem::exists(root / "latest/mine"));
    EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(root / "latest.partial")));
    EXPECT_EQ(point_latest(root / "grown"), "");  // no step of a run
}

}  // namespace
}  // namespace isogloss

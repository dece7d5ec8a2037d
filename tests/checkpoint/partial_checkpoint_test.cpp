// checkpoint/partial_checkpoint_test.cpp
#include "checkpoint/partial_checkpoint.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "base/json.h"
#include "support/checkpoint_fixture.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

using test::expect_error;
using test::TemporaryFolder;

void commit_empty(std::filesystem::path const& folder, std::int64_t step) {
    auto manifest = test::paper_manifest(test::small_config());
    manifest.info.step = step;
    PartialCheckpoint partial(folder, 0, IfThere::replace);
    partial.commit(manifest);
}

// Runs `work` in a child process, which is killed as soon as it has said that it is ready.
void run_and_kill(std::function<void()> const& work) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    auto const child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        work();
        char const said = 'r';
        if (::write(ready[1], &said, 1) == 1) {
            ::pause();
        }
        ::_exit(1);
    }
    char heard = 0;
    ASSERT_EQ(::read(ready[0], &heard, 1), 1);
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST(PartialCheckpointTest, ExistsOnlyOnceCommitted) {
    TemporaryFolder const root;
    auto const folder = root / step_folder(7);
    {
        PartialCheckpoint partial(folder, 0, IfThere::replace);
        EXPECT_FALSE(std::filesystem::exists(folder));
        EXPECT_FALSE(latest_checkpoint(root.path()).has_value());
        test::write_content(partial.folder() / "x.h5", "content");
        auto const stored = partial.commit(test::paper_manifest(test::small_config()));
        EXPECT_EQ(stored.folder, folder);
        EXPECT_EQ(stored.manifest_sha256, sha256(test::content_of(folder / "manifest.json")));
    }
    EXPECT_EQ(latest_checkpoint(root.path()), folder);
    EXPECT_EQ(test::content_of(folder / "x.h5"), "content");
    EXPECT_FALSE(std::filesystem::exists(partial_folder(folder)));
}

TEST(PartialCheckpointTest, LeavesNothingWhenItIsGivenUp) {
    TemporaryFolder const root;
    {
        PartialCheckpoint const partial(root / step_folder(7), 0, IfThere::replace);
        test::write_content(partial.folder() / "x.h5", "content");
    }
    EXPECT_TRUE(std::filesystem::is_empty(root.path()));
}

TEST(PartialCheckpointTest, AKilledSaveLeavesThePreviousOneTheNewest) {
    TemporaryFolder const root;
    commit_empty(root / step_folder(100), 100);
    run_and_kill([&] {
        static PartialCheckpoint partial(root / step_folder(200), 0, IfThere::replace);
        test::write_content(partial.folder() / "backbone-00000.h5", "half of it");
        test::write_content(partial.folder() / "manifest.json", "{}");
    });
    EXPECT_TRUE(std::filesystem::exists(partial_folder(root / step_folder(200))));
    EXPECT_EQ(latest_checkpoint(root.path()), root / step_folder(100));

    commit_empty(root / step_folder(200), 200);  // the next attempt begins with an empty folder
    EXPECT_FALSE(std::filesystem::exists(root / step_folder(200) / "backbone-00000.h5"));
    EXPECT_EQ(latest_checkpoint(root.path()), root / step_folder(200));
}

TEST(PartialCheckpointTest, LeftoversOfOtherStepsCanBeRemoved) {
    TemporaryFolder const root;
    commit_empty(root / step_folder(100), 100);
    std::filesystem::create_directories(root / "step-00000300.partial/deep");
    std::filesystem::create_directories(root / "notes.partial");
    remove_partial_checkpoints(root.path());
    EXPECT_FALSE(std::filesystem::exists(root / "step-00000300.partial"));
    EXPECT_TRUE(std::filesystem::exists(root / "notes.partial"));
    EXPECT_TRUE(std::filesystem::exists(root / step_folder(100)));
    remove_partial_checkpoints(root / "nowhere");
}

TEST(PartialCheckpointTest, ReplacesOrRefusesWhatIsThere) {
    TemporaryFolder const root;
    auto const folder = root / step_folder(100);
    commit_empty(folder, 1);
    commit_empty(folder, 2);
    EXPECT_EQ(Json::parse(test::content_of(folder / "manifest.json"))["step"], 2);
    auto const count = std::distance(
        std::filesystem::directory_iterator(root.path()), std::filesystem::directory_iterator()
    );
    EXPECT_EQ(count, 1) << "something was left beside the checkpoint";
    expect_error(Exit::usage, "exists already", [&] {
        PartialCheckpoint const partial(folder, 0, IfThere::refuse);
    });
}

TEST(PartialCheckpointTest, AsksForRoomBeforeItWrites) {
    TemporaryFolder const root;
    expect_error(Exit::environment, "bytes are needed", [&] {
        PartialCheckpoint const partial(
            root / step_folder(1), std::int64_t{1} << 60, IfThere::replace
        );
    });
    EXPECT_TRUE(std::filesystem::is_empty(root.path()));
}

TEST(PartialCheckpointTest, APlaceThatIsNoFolderIsAnEnvironmentFault) {
    TemporaryFolder const root;
    test::write_content(root / "file", "");
    expect_error(Exit::environment, "cannot be made a folder", [&] {
        PartialCheckpoint const partial(root / "file/step-00000001", 0, IfThere::replace);
    });
}

TEST(LatestCheckpointTest, IsTheHighestStepAndOnlyACheckpoint) {
    TemporaryFolder const root;
    EXPECT_FALSE(latest_checkpoint(root / "nowhere").has_value());
    EXPECT_EQ(step_folder(1200), "step-00001200");
    for (auto const step : {9, 100000000, 20}) {
        commit_empty(root / step_folder(step), step);
    }
    std::filesystem::create_directories(root / step_folder(999999999));  // no manifest
    std::filesystem::create_directories(root / "step-99999999999.partial");
    test::write_content(root / "step-99999999999.partial/manifest.json", "");
    std::filesystem::create_directories(root / "step-9999999999x");
    EXPECT_EQ(latest_checkpoint(root.path()), root / "step-100000000");
}

}  // namespace
}  // namespace isogloss

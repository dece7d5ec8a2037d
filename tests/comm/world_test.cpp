// tests/comm/world_test.cpp
//
// Each case runs in a process of its own, because MPI starts once a process.
#include "comm/world.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "base/error.h"

namespace isogloss {
namespace {

// Ends this process with 0 when a World can be made here, else with the error's exit code.
[[noreturn]] void make_world() {
    int argc = 0;
    char** argv = nullptr;
    try {
        World const world(argc, argv);
        bool const is_alone = world.comm().size() == 1 && world.ranks_per_node() == 1;
        std::exit(is_alone ? 0 : 99);
    } catch (Error const& error) {
        std::fprintf(stderr, "%s\n", error.what());
        std::_Exit(static_cast<int>(error.code()));
    }
}

class WorldTest : public testing::Test {
protected:
    void SetUp() override {
        for (char const* const name : {"SLURM_NTASKS", "SLURM_JOB_ID", "SLURM_STEP_ID"}) {
            unsetenv(name);
        }
    }
};

TEST_F(WorldTest, RunsWithoutSlurm) {
    EXPECT_EXIT(make_world(), testing::ExitedWithCode(0), "");
}

TEST_F(WorldTest, RefusesAStepWhoseTasksDoNotSeeEachOther) {
    setenv("SLURM_JOB_ID", "12", 1);
    setenv("SLURM_STEP_ID", "0", 1);
    setenv("SLURM_NTASKS", "4", 1);
    EXPECT_EXIT(make_world(), testing::ExitedWithCode(4), "started 4 tasks.*srun --mpi=pmix");
}

TEST_F(WorldTest, ServesASerialCommandInABatchScriptOfManyTasks) {
    setenv("SLURM_JOB_ID", "12", 1);
    setenv("SLURM_NTASKS", "4", 1);
    EXPECT_EXIT(make_world(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace isogloss

// tests/comm/job_check_test.cpp
#include "comm/job_check.h"

#include <gtest/gtest.h>

#include "comm/collective.h"
#include "support/expect_error.h"
#include "support/shared_folder.h"

namespace isogloss {
namespace {

class JobCheckTest : public testing::Test {
protected:
    MpiComm world = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    bool is_last = world.rank() + 1 == world.size();
};

TEST_F(JobCheckTest, OneProgramWithOneSetOfOptionsPasses) {
    EXPECT_NO_THROW(require_same_job("steps = 5\nrows = 8\n", world));
}

TEST_F(JobCheckTest, ARankWithOtherOptionsIsNamedWithTheLine) {
    if (world.size() == 1) {
        GTEST_SKIP() << "one rank has nobody to differ from";
    }
    auto const last = "rank " + std::to_string(world.size() - 1) + ": other options than rank 0's";
    auto const options = is_last ? "steps = 6\nrows = 8\n" : "steps = 5\nrows = 8\n";
    test::expect_error(Exit::usage, last, [&] { require_same_job(options, world); });
    test::expect_error(Exit::usage, "(steps = 6)", [&] { require_same_job(options, world); });
}

TEST_F(JobCheckTest, AFolderThatOneRankCannotWriteIsEverybodysFault) {
    test::SharedFolder const folder;
    EXPECT_NO_THROW(require_writable(folder.path(), world));
    barrier(world);
    auto const where = is_last ? folder.path() / "missing" : folder.path();
    test::expect_error(Exit::environment, "rank " + std::to_string(world.size() - 1), [&] {
        require_writable(where, world);
    });
    barrier(world);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    barrier(world);
}

}  // namespace
}  // namespace isogloss

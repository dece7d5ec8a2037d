// integration/plans_test.cpp - the plans that are shipped, read by the real program.
#include <gtest/gtest.h>

#include "support/program.h"

namespace isogloss {
namespace {

// One file a method with its paper's numbers, and one that is small.
TEST(PlansTest, EveryPlanOfLaunchCanBeRead) {
    std::filesystem::path const runs = std::filesystem::path(ISOGLOSS_TEST_SOURCE) / "launch/runs";
    if (!std::filesystem::exists(runs)) {
        GTEST_SKIP() << "there are no runs beside this build";
    }
    test::TemporaryFolder const folder;
    int seen = 0;
    for (auto const& entry : std::filesystem::directory_iterator(runs)) {
        if (entry.path().extension() == ".json") {
            auto const outcome = test::run_program(
                {"lifelong", entry.path().string(), "--dry-run"}, 0, folder / "log"
            );
            EXPECT_EQ(outcome.code, 0) << entry.path() << outcome;
            EXPECT_NE(outcome.out.find("isogloss evaluate"), std::string::npos) << outcome;
            ++seen;
        }
    }
    EXPECT_GE(seen, 9);  // the quickstart's, and two of each method
}

}  // namespace
}  // namespace isogloss

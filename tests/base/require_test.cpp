// tests/base/require_test.cpp
#include "base/require.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace isogloss {
namespace {

TEST(RequireTest, EachKindHasItsExitCode) {
    test::expect_error(Exit::internal, "1 is not 2", [] { require(false, "{} is not {}", 1, 2); });
    test::expect_error(Exit::usage, "u", [] { require_usage(false, "u"); });
    test::expect_error(Exit::data, "d", [] { require_data(false, "d"); });
    test::expect_error(Exit::environment, "e", [] { require_environment(false, "e"); });
    test::expect_error(Exit::diverged, "f", [] { fail(Exit::diverged, "f"); });
}

TEST(RequireTest, TheErrorKnowsTheLineOfTheCaller) {
    int const line = __LINE__ + 2;
    try {
        require(false, "no");
        FAIL();
    } catch (Error const& error) {
        EXPECT_EQ(error.where(), "tests/base/require_test.cpp:" + std::to_string(line));
    }
}

TEST(RequireTest, AConditionThatHoldsThrowsNothing) {
    EXPECT_NO_THROW(require(true, "{}", 1));
    EXPECT_NO_THROW(require_data(true, "{}", 1));
}

// Scripts act on these numbers.
TEST(RequireTest, ExitCodesAreTheDocumentedNumbers) {
    EXPECT_EQ(static_cast<int>(Exit::done), 0);
    EXPECT_EQ(static_cast<int>(Exit::internal), 1);
    EXPECT_EQ(static_cast<int>(Exit::usage), 2);
    EXPECT_EQ(static_cast<int>(Exit::data), 3);
    EXPECT_EQ(static_cast<int>(Exit::environment), 4);
    EXPECT_EQ(static_cast<int>(Exit::stopped), 75);
    EXPECT_EQ(static_cast<int>(Exit::diverged), 76);
}

}  // namespace
}  // namespace isogloss

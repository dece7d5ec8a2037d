// tests/cli/run_main_test.cpp
#include "cli/run_main.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

namespace isogloss {
namespace {

struct Outcome {
    int code = -1;
    std::string output;  // standard output and standard error together
};

Outcome run(std::string const& command) {
    Outcome outcome;
    std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    if (pipe == nullptr) {
        return outcome;
    }
    std::array<char, 4096> block{};
    for (std::size_t n = 0; (n = std::fread(block.data(), 1, block.size(), pipe)) > 0;) {
        outcome.output.append(block.data(), n);
    }
    int const status = ::pclose(pipe);
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return outcome;
}

Outcome alone(std::string const& words) {
    return run(std::string(ISOGLOSS_TEST_PROGRAM) + " " + words);
}

Outcome on_ranks(int ranks, std::string const& words) {
    return run(
        std::string(ISOGLOSS_TEST_MPIEXEC) + " -n " + std::to_string(ranks) + " " +
        ISOGLOSS_TEST_PROGRAM + " " + words
    );
}

int times(std::string const& text, std::string const& part) {
    int seen = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++seen;
    }
    return seen;
}

TEST(RunMainTest, ACommandGetsItsWordsAndItsCodeIsReturned) {
    auto const outcome = alone("greet world");
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.output, "hello world\n");
}

TEST(RunMainTest, FaultsOfUsageGiveTwoAndNoPlaceInTheSource) {
    auto const outcome = alone("greet");
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.output.find("error: 1 fault:\n  name is missing: whom"), std::string::npos)
        << outcome.output;
    EXPECT_EQ(outcome.output.find(".cpp:"), std::string::npos) << outcome.output;
}

TEST(RunMainTest, UnknownCommandsAreAnsweredWithTheNearest) {
    EXPECT_NE(alone("gret").output.find("did you mean \"greet\"?"), std::string::npos);
    EXPECT_NE(alone("group stpo").output.find("group stop"), std::string::npos);
    EXPECT_NE(alone("gruop stop").output.find("did you mean \"group stop\"?"), std::string::npos);
    EXPECT_EQ(alone("gret").code, 2);
    EXPECT_EQ(alone("group").code, 2);
    EXPECT_EQ(alone("").code, 2);
}

TEST(RunMainTest, HelpListsCommandsAndEndsWithZero) {
    auto const outcome = alone("--help");
    EXPECT_EQ(outcome.code, 0);
    EXPECT_NE(outcome.output.find("  group stop           stops on request"), std::string::npos)
        << outcome.output;
    auto const group = alone("group --help");
    EXPECT_EQ(group.code, 0);
    EXPECT_EQ(times(group.output, "\n"), 2) << group.output;
    EXPECT_EQ(alone("--version").code, 0);
}

TEST(RunMainTest, FaultsOfOursGiveOneAndThePlace) {
    auto const outcome = alone("inside");
    EXPECT_EQ(outcome.code, 1);
    EXPECT_NE(
        outcome.output.find("error: sums are wrong\n  at tests/cli/faulty_commands.cpp:"),
        std::string::npos
    ) << outcome.output;
}

TEST(RunMainTest, ForeignExceptionsHaveCodesToo) {
    EXPECT_EQ(alone("other").code, 1);
    EXPECT_NE(alone("other").output.find("from a library"), std::string::npos);
    EXPECT_EQ(alone("memory").code, 4);
}

TEST(RunMainTest, HelpOfARankCommandIsPrintedOnce) {
    auto const outcome = on_ranks(2, "group greet --help");
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(times(outcome.output, "Greets on ranks."), 1) << outcome.output;
}

TEST(RunMainTest, FaultsOfUsageOnAllRanksArePrintedOnce) {
    auto const outcome = on_ranks(3, "group greet --nmae=x");
    EXPECT_EQ(outcome.code, 2) << outcome.output;
    EXPECT_EQ(times(outcome.output, "did you mean --name?"), 1) << outcome.output;
    auto const unknown = on_ranks(3, "gret");
    EXPECT_EQ(unknown.code, 2) << unknown.output;
    EXPECT_EQ(times(unknown.output, "did you mean"), 1) << unknown.output;
}

// The end of one rank ends the job, also of a first rank that has not spoken yet.
TEST(RunMainTest, AFaultOfUsageIsPrintedAlsoWhenTheFirstRankIsLate) {
    std::string const program = ISOGLOSS_TEST_PROGRAM;
    auto const outcome =
        run(std::string(ISOGLOSS_TEST_MPIEXEC) + " -n 1 sh -c 'sleep 2; exec " + program +
            " gret' : -n 1 " + program + " gret");
    EXPECT_EQ(outcome.code, 2) << outcome.output;
    EXPECT_EQ(times(outcome.output, "did you mean"), 1) << outcome.output;
}

TEST(RunMainTest, ALoneCommandOnManyRanksIsRefused) {
    auto const outcome = on_ranks(2, "greet world");
    EXPECT_EQ(outcome.code, 2) << outcome.output;
    EXPECT_EQ(times(outcome.output, "without mpirun"), 1) << outcome.output;
    EXPECT_EQ(times(outcome.output, "hello"), 0) << outcome.output;
}

TEST(RunMainTest, ARankThatFailsEndsThoseThatWait) {
    auto const outcome = on_ranks(3, "one");
    EXPECT_EQ(outcome.code, 3) << outcome.output;
    EXPECT_EQ(times(outcome.output, "[rank 1] error: shard 7 is broken"), 1) << outcome.output;
}

TEST(RunMainTest, AFailureThatAllShareIsPrintedOnceWithoutARank) {
    auto const outcome = on_ranks(3, "all");
    EXPECT_EQ(outcome.code, 3) << outcome.output;
    EXPECT_EQ(times(outcome.output, "corpus is broken"), 1) << outcome.output;
    EXPECT_EQ(times(outcome.output, "[rank"), 0) << outcome.output;
}

TEST(RunMainTest, FailuresThatDifferAreAllPrinted) {
    auto const outcome = on_ranks(3, "each");
    EXPECT_EQ(outcome.code, 4) << outcome.output;
    for (int rank = 0; rank < 3; ++rank) {
        auto const n = std::to_string(rank);
        EXPECT_EQ(times(outcome.output, "[rank " + n + "] error: disk " + n + " is full"), 1)
            << outcome.output;
    }
}

TEST(RunMainTest, TheCodeOfACommandIsTheCodeOfTheJob) {
    EXPECT_EQ(on_ranks(2, "group stop").code, 75);
    EXPECT_EQ(alone("group stop").code, 75);
}

}  // namespace
}  // namespace isogloss

// tests/base/log_test.cpp
#include "base/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <thread>
#include <vector>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

TEST(LogTest, LinesHaveTimeRankAndText) {
    testing::internal::CaptureStderr();
    Log log(0);
    log.info("step 1");
    log.warning("slow");
    auto const text = testing::internal::GetCapturedStderr();
    std::regex const lines(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \[rank 0\] step 1\n)"
                           R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \[rank 0\] warning: slow\n)");
    EXPECT_TRUE(std::regex_match(text, lines)) << text;
}

TEST(LogTest, OtherRanksRepeatNothing) {
    testing::internal::CaptureStderr();
    Log log(3);
    log.info("everybody's");
    log.info_of_rank("mine");
    log.warning("my trouble");
    auto const text = testing::internal::GetCapturedStderr();
    EXPECT_EQ(text.find("everybody's"), std::string::npos);
    EXPECT_NE(text.find("[rank 3] mine\n"), std::string::npos);
    EXPECT_NE(text.find("[rank 3] warning: my trouble\n"), std::string::npos);
}

TEST(LogTest, TheFileIsAppendedToByRankZeroOnly) {
    test::TemporaryFolder const folder;
    test::write_content(folder / "log.txt", "before\n");
    testing::internal::CaptureStderr();
    {
        Log log(0);
        log.also_to(folder / "log.txt");
        log.info("after");
        Log other(1);
        other.also_to(folder / "other.txt");
    }
    testing::internal::GetCapturedStderr();
    auto const text = test::content_of(folder / "log.txt");
    EXPECT_TRUE(text.starts_with("before\n")) << text;
    EXPECT_TRUE(text.ends_with("[rank 0] after\n")) << text;
    EXPECT_FALSE(std::filesystem::exists(folder / "other.txt"));
    Log log(0);
    test::expect_error(Exit::environment, "no/log.txt", [&] {
        log.also_to(folder / "no/log.txt");
    });
}

TEST(LogTest, LinesOfThreadsStayWhole) {
    testing::internal::CaptureStderr();
    {
        Log log(0);
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&log] {
                for (int n = 0; n < 100; ++n) {
                    log.info("a line that is as long as lines of logs are");
                }
            });
        }
        for (auto& thread : threads) {
            thread.join();
        }
    }
    auto const text = testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::ranges::count(text, '\n'), 400);
    std::regex const broken(R"(are\n(?!\d{4}-)[^$])");
    EXPECT_FALSE(std::regex_search(text, broken));
}

}  // namespace
}  // namespace isogloss

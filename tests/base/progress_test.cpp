// tests/base/progress_test.cpp
#include "base/progress.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace isogloss {
namespace {

TEST(ProgressTest, ALineHasShareRateAndTimeLeft) {
    Progress progress(ProgressStyle::none, "train", 200, "steps");
    progress.update(50);
    // 50 of 200 in 10 s: 5 a second, 150 left, 30 s.
    EXPECT_EQ(progress.line(10.0), " 25 %  5 steps/s  30 s left");
}

TEST(ProgressTest, WorkOfAnEarlierRunCountsForTheShareNotForTheRate) {
    Progress progress(ProgressStyle::none, "train", 200, "steps");
    progress.start_at(100);
    progress.update(150);
    // 50 in 10 s; 50 left.
    EXPECT_EQ(progress.line(10.0), " 75 %  5 steps/s  10 s left");
}

TEST(ProgressTest, AnUnknownTotalHasNoShare) {
    Progress progress(ProgressStyle::none, "corpus", 0, "B");
    progress.update(2e6);
    EXPECT_EQ(progress.line(1.0), "2.0 M B  2.0 MB/s");
}

TEST(ProgressTest, TheEndHasNoTimeLeft) {
    Progress progress(ProgressStyle::none, "train", 200, "steps");
    progress.update(200);
    EXPECT_EQ(progress.line(10.0), "100 %  20 steps/s");
    EXPECT_EQ(Progress(ProgressStyle::none, "x", 1, "B").line(0.0), "  0 %  0 B/s");
}

TEST(ProgressTest, LogsGetOneLineForShortWork) {
    testing::internal::CaptureStderr();
    {
        Progress progress(ProgressStyle::lines, "corpus", 1000, "B");
        for (int i = 0; i <= 1000; ++i) {
            progress.update(i);
        }
        progress.finish();
        progress.update(1000);
        progress.finish();
    }
    auto const text = testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::ranges::count(text, '\n'), 1) << text;
    EXPECT_TRUE(text.starts_with("corpus  100 %")) << text;
    EXPECT_EQ(text.find('\r'), std::string::npos);
}

TEST(ProgressTest, ABarIsRedrawnOnOneLineThatIsEnded) {
    testing::internal::CaptureStderr();
    {
        Progress progress(ProgressStyle::bar, "corpus", 10, "B");
        progress.update(5, "el");
    }
    auto const text = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(text.starts_with("\rcorpus  [============>           ]   50 %")) << text;
    EXPECT_NE(text.find("  el"), std::string::npos);
    EXPECT_EQ(std::ranges::count(text, '\n'), 1);
    EXPECT_EQ(text.back(), '\n');
}

TEST(ProgressTest, OtherRanksShowNothing) {
    EXPECT_EQ(progress_style(ProgressStyle::bar, 1), ProgressStyle::none);
    EXPECT_EQ(progress_style(ProgressStyle::bar, 0), ProgressStyle::bar);
    testing::internal::CaptureStderr();
    {
        Progress progress(ProgressStyle::none, "corpus", 10, "B");
        progress.update(5);
        progress.finish();
    }
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace isogloss

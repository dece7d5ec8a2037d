// tests/base/duration_test.cpp
#include "base/duration.h"

#include <gtest/gtest.h>

#include "base/options.h"
#include "base/stop_rules.h"

namespace isogloss {
namespace {

double seconds_of(std::string_view text) {
    Duration duration{-1.0};
    EXPECT_EQ(read_value(text, duration), "") << text;
    return duration.seconds;
}

TEST(DurationTest, UnitsAddUp) {
    EXPECT_EQ(seconds_of("0"), 0.0);
    EXPECT_EQ(seconds_of("90s"), 90.0);
    EXPECT_EQ(seconds_of("30m"), 1800.0);
    EXPECT_EQ(seconds_of("11h30m"), 41400.0);
    EXPECT_EQ(seconds_of("2d"), 172800.0);
    EXPECT_EQ(seconds_of("1d2h3m4s"), 93784.0);
    EXPECT_EQ(seconds_of("1.5s"), 1.5);
    EXPECT_EQ(seconds_of("0.5h"), 1800.0);
}

TEST(DurationTest, SlurmsFormsMeanWhatSlurmMeans) {
    EXPECT_EQ(seconds_of("30:15"), 1815.0);         // minutes:seconds
    EXPECT_EQ(seconds_of("12:00:00"), 43200.0);     // hours:minutes:seconds
    EXPECT_EQ(seconds_of("1-06"), 108000.0);        // days-hours
    EXPECT_EQ(seconds_of("1-06:30"), 109800.0);     // days-hours:minutes
    EXPECT_EQ(seconds_of("2-00:00:10"), 172810.0);  // days-hours:minutes:seconds
}

TEST(DurationTest, AnythingElseIsRefusedAndLeavesTheValue) {
    for (auto const* text :
         {"",    "90",  "1",    "s",       "-5s",   "5x",   "5s5m",         "5s5s",
          "1 h", "h1",  "1h30", "1:2:3:4", "1-2-3", "1-",   "-1:00",        ":30",
          "1:",  "nan", "inf",  "infs",    "1e3s",  "0x1s", "40000000000s", "1.5:00"}) {
        Duration duration{7.0};
        EXPECT_NE(read_value(text, duration).find("a duration such as"), std::string::npos) << text;
        EXPECT_EQ(duration.seconds, 7.0) << text;
    }
}

TEST(DurationTest, TextReadsBackToTheSameValue) {
    for (double const seconds : {0.0, 0.25, 1.0, 59.0, 60.0, 90.0, 3600.0, 41400.0, 93784.5}) {
        EXPECT_EQ(seconds_of(value_text(Duration{seconds})), seconds);
    }
    EXPECT_EQ(value_text(Duration{41400.0}), "11h30m");
    EXPECT_EQ(value_text(Duration{86400.0}), "1d");
}

TEST(DurationTest, RulesOfOneStartAreNotInItsRecord) {
    StopRules rules;
    std::int64_t steps = 3;
    Options options("train", "Trains.");
    options.add("steps", steps, "updates");
    describe(options, rules);
    options.parse(std::vector<std::string>{"--stop-after=30m", "--time-limit", "ignore"});
    EXPECT_EQ(rules.stop_after.seconds, 1800.0);
    EXPECT_EQ(rules.time_limit, TimeLimit::ignore);
    EXPECT_EQ(options.resolved(), "steps = 3\n");
    EXPECT_NE(options.help().find("--stop-after DURATION"), std::string::npos);
}

}  // namespace
}  // namespace isogloss

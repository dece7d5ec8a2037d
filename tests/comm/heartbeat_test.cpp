// tests/comm/heartbeat_test.cpp
#include "comm/heartbeat.h"

#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace isogloss {
namespace {

Heartbeat some_heartbeat() {
    return {
        .rank = 3,
        .host = "n2",
        .process = 4711,
        .beat = 17,
        .time = 1.5e9,
        .unmoved = 0.25,
        .phase = "forward",
        .call = "all-to-all of rows",
        .layer = 4,
        .step = 120,
        .shared = 10412};
}

RankState state_of(Heartbeat const& heartbeat, double seconds, bool is_silent) {
    return {heartbeat, is_silent, seconds};
}

TEST(HeartbeatTest, ReadsBackWhatWasWritten) {
    test::TemporaryFolder const folder;
    auto const file = heartbeat_file(folder.path(), 3);
    EXPECT_EQ(file.filename(), "rank-00003.json");
    ASSERT_TRUE(write_heartbeat(file, some_heartbeat()));
    auto const read = read_heartbeat(file);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->rank, 3);
    EXPECT_EQ(read->host, "n2");
    EXPECT_EQ(read->process, 4711);
    EXPECT_EQ(read->beat, 17U);
    EXPECT_EQ(read->time, 1.5e9);
    EXPECT_EQ(read->unmoved, 0.25);
    EXPECT_EQ(read->phase, "forward");
    EXPECT_EQ(read->call, "all-to-all of rows");
    EXPECT_EQ(read->layer, 4);
    EXPECT_EQ(read->step, 120);
    EXPECT_EQ(read->shared, 10412U);
}

TEST(HeartbeatTest, AShorterOneLeavesNothingOfALongerOne) {
    test::TemporaryFolder const folder;
    auto const file = folder / "rank";
    auto heartbeat = some_heartbeat();
    heartbeat.phase = std::string(100, 'x');
    ASSERT_TRUE(write_heartbeat(file, heartbeat));
    auto const size = std::filesystem::file_size(file);
    heartbeat.phase = "y";
    ASSERT_TRUE(write_heartbeat(file, heartbeat));
    EXPECT_EQ(std::filesystem::file_size(file), size);
    EXPECT_EQ(read_heartbeat(file)->phase, "y");
}

TEST(HeartbeatTest, WhatIsNoHeartbeatIsNothing) {
    test::TemporaryFolder const folder;
    EXPECT_FALSE(read_heartbeat(folder / "missing"));
    for (auto const* text : {"", "\n", "{", "[]", "{}", "{\"rank\": \"three\"}"}) {
        test::write_content(folder / "file", text);
        EXPECT_FALSE(read_heartbeat(folder / "file")) << text;
    }
    EXPECT_FALSE(write_heartbeat(folder / "no" / "folder", some_heartbeat()));
}

TEST(HeartbeatTest, ASilentRankIsNamedFirstWithItsLastPlace) {
    auto waiting = some_heartbeat();
    waiting.call = "all-reduce";
    waiting.phase = "reducing gradients";
    waiting.layer = -1;
    auto silent = some_heartbeat();
    silent.call = "";
    auto const text = describe_hang(std::vector{
        state_of(waiting, 59.0, false), state_of(silent, 61.0, true),
        state_of(waiting, 57.0, false)});
    EXPECT_EQ(
        text,
        "rank 1: silent for 1 min 01 s; last seen in forward of layer 4, step 120 (n2, process "
        "4711)\n"
        "ranks 0, 2: waiting for 59 s in all-reduce (number 10412), reducing gradients, step 120"
    );
}

TEST(HeartbeatTest, ABusyRankIsLaterThanOnesThatWait) {
    auto busy = some_heartbeat();
    busy.call = "";
    busy.phase = "reading data";
    busy.layer = -1;
    auto const text = describe_hang(std::vector{
        state_of(some_heartbeat(), 10.0, false), state_of(busy, 12.0, false)});
    EXPECT_TRUE(text.starts_with("rank 1: busy for 12 s in reading data, step 120")) << text;
}

TEST(HeartbeatTest, OfWaitingRanksTheOneWithFewestWaitsIsLate) {
    auto late = some_heartbeat();
    late.shared = 10411;
    auto const text = describe_hang(std::vector{
        state_of(some_heartbeat(), 10.0, false), state_of(some_heartbeat(), 10.0, false),
        state_of(late, 10.0, false)});
    EXPECT_TRUE(text.starts_with("rank 2: waiting for 10 s in all-to-all of rows (number 10411)"))
        << text;
}

TEST(HeartbeatTest, ARankThatNeverWroteIsNamed) {
    auto const text =
        describe_hang(std::vector<RankState>{{std::nullopt, true, 8.0}, {std::nullopt, true, 8.0}});
    EXPECT_EQ(text, "ranks 0-1: silent for 8.0 s; never seen");
}

TEST(HeartbeatTest, RanksInARowAreJoined) {
    EXPECT_EQ(ranks_text(std::vector{3}), "rank 3");
    EXPECT_EQ(ranks_text(std::vector{0, 1, 2, 4}), "ranks 0-2, 4");
    EXPECT_EQ(ranks_text(std::vector{1, 3, 5, 6}), "ranks 1, 3, 5-6");
}

}  // namespace
}  // namespace isogloss

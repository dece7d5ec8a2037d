// corpus/group_chunks_test.cpp - which row of which group comes when.
#include "corpus/group_chunks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "support/expect_error.h"

namespace isogloss {
namespace {

using test::expect_error;

constexpr std::int64_t kChunk = 8;

// Three groups of languages {0, 2}, {1}, {3}; language 4 is of none. Rows of 4 tokens: languages
// are 25, 10, 50, 2 and 12.5 rows.
GroupChunksConfig sample() {
    GroupChunksConfig config;
    config.weights = {{3, 0, 1, 0, 0}, {0, 1, 0, 0, 0}, {0, 0, 0, 1, 0}};
    config.lengths = {80, 39, 3};
    config.tokens = {100, 40, 200, 8, 50};
    config.row_length = 4;
    config.rows = 16;
    config.chunk_rows = kChunk;
    config.seed = 11;
    return config;
}

// By hand: floor(80/8)+1, floor(39/8)+1, floor(3/8)+1.
TEST(GroupChunksTest, AGroupStandsInTheListOnceMoreThanItsWholeChunks) {
    GroupChunks const chunks(sample());
    EXPECT_EQ(chunks.chunks_of(0), 11);
    EXPECT_EQ(chunks.chunks_of(1), 5);
    EXPECT_EQ(chunks.chunks_of(2), 1);
    EXPECT_EQ(chunks.chunks(), 17);
}

// Group of each chunk, read off the rows one by one: index = step rows + row.
std::vector<std::int32_t> groups_of(GroupChunks const& chunks, std::int64_t count) {
    std::vector<std::int32_t> groups;
    auto const rows = chunks.config().rows;
    for (std::int64_t c = 0; c < count; ++c) {
        auto const first = chunks.group(c * kChunk / rows, c * kChunk % rows);
        for (std::int64_t i = c * kChunk; i < (c + 1) * kChunk; ++i) {
            EXPECT_EQ(chunks.group(i / rows, i % rows), first) << "row " << i;
        }
        groups.push_back(first);
    }
    return groups;
}

TEST(GroupChunksTest, TheListIsShuffledOnceAndRunsInACycle) {
    GroupChunks const chunks(sample());
    auto const groups = groups_of(chunks, 3 * 17);
    for (std::size_t c = 17; c < groups.size(); ++c) {
        EXPECT_EQ(groups[c], groups[c - 17]);
    }
    std::vector<std::int32_t> const list(groups.begin(), groups.begin() + 17);
    EXPECT_EQ(std::ranges::count(list, 0), 11);
    EXPECT_EQ(std::ranges::count(list, 1), 5);
    EXPECT_EQ(std::ranges::count(list, 2), 1);
    EXPECT_FALSE(std::ranges::is_sorted(list));
    auto other = sample();
    other.seed = 12;
    EXPECT_NE(groups_of(GroupChunks(other), 17), list);
}

TEST(GroupChunksTest, EveryRowIsOfALanguageOfItsGroup) {
    GroupChunks const chunks(sample());
    std::map<std::int32_t, std::set<std::int32_t>> languages;
    for (std::int64_t i = 0; i < 17 * kChunk; ++i) {
        languages[chunks.group(i / 16, i % 16)].insert(chunks.draw(i / 16, i % 16).language);
    }
    EXPECT_EQ(languages[0], (std::set<std::int32_t>{0, 2}));
    EXPECT_EQ(languages[1], std::set<std::int32_t>{1});
    EXPECT_EQ(languages[2], std::set<std::int32_t>{3});
}

// The released stream, walked row by row: the next group of the list, the next chunk of its rows.
// A language's rows come window by window, a whole epoch of them before the next begins.
TEST(GroupChunksTest, AGroupGoesOnWhereItsLastChunkEnded) {
    GroupChunks const chunks(sample());
    std::vector<std::int64_t> const windows{25, 10, 50, 2};
    std::map<std::int32_t, std::vector<Draw>> draws;
    for (std::int64_t i = 0; i < 40 * 17 * kChunk; ++i) {
        auto const draw = chunks.draw(i / 16, i % 16);
        draws[draw.language].push_back(draw);
    }
    for (auto const& [language, all] : draws) {
        auto const epoch_rows = windows[static_cast<std::size_t>(language)];
        std::set<std::int64_t> seen;
        for (std::size_t k = 0; k < all.size(); ++k) {
            ASSERT_EQ(all[k].epoch, static_cast<std::int64_t>(k) / epoch_rows) << language;
            ASSERT_TRUE(seen.insert(all[k].window).second) << language << " row " << k;
            if (static_cast<std::int64_t>(seen.size()) == epoch_rows) {
                seen.clear();
            }
        }
    }
    // 40 rounds of 11 chunks: language 0 has 3 of 4 rows. A count of draws without replacement from
    // a block is at most as spread as a binomial one: deviation sqrt(3520 3/16) = 26.
    EXPECT_NEAR(static_cast<double>(draws[0].size()), 0.75 * 40 * 11 * kChunk, 5 * 26);
    EXPECT_EQ(draws[0].size() + draws[2].size(), 40U * 11U * kChunk);
    EXPECT_EQ(draws[1].size(), 40U * 5U * kChunk);
    EXPECT_EQ(draws[3].size(), 40U * 1U * kChunk);
}

// A job may go on with another step size only if its rows do not depend on it.
TEST(GroupChunksTest, DependsOnTheRowsIndexAlone) {
    auto config = sample();
    GroupChunks const wide(config);
    config.rows = 5;  // does not divide a chunk
    GroupChunks const narrow(config);
    for (std::int64_t i = 700; i >= 0; --i) {  // backwards: no state
        auto const a = wide.draw(i / 16, i % 16);
        auto const b = narrow.draw(i / 5, i % 5);
        ASSERT_EQ(a.language, b.language) << i;
        ASSERT_EQ(a.first, b.first) << i;
        ASSERT_EQ(a.epoch, b.epoch) << i;
    }
}

TEST(GroupChunksTest, GroupsWithoutTextAreRefused) {
    auto config = sample();
    config.weights[1] = {0, 0, 0, 0, 0};
    expect_error(Exit::usage, "no language has a weight", [&] { GroupChunks const c(config); });
    config = sample();
    config.tokens[1] = 1;
    expect_error(Exit::usage, "language 1", [&] { GroupChunks const c(config); });
    config.weights.clear();
    config.lengths.clear();
    expect_error(Exit::usage, "no language group", [&] { GroupChunks const c(config); });
}

}  // namespace
}  // namespace isogloss

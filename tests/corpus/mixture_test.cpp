// corpus/mixture_test.cpp
#include "corpus/mixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "corpus/windows.h"
#include "support/expect_error.h"

namespace isogloss {
namespace {

using test::expect_error;

Mixture sample_mixture() {
    // Rows of 8: epochs of 125, 12 or 13 windows, and one padded of 4 targets.
    return Mixture({{10.0, 5.0, 0.0, 1.0}, {1000, 101, 50, 5}, 8, 16, 42});
}

std::vector<Draw> draws_of(Mixture const& mixture, std::int64_t count) {
    auto const rows = mixture.config().rows;
    std::vector<Draw> draws;
    for (std::int64_t g = 0; g < count; ++g) {
        draws.push_back(mixture.draw(g / rows, g % rows));
    }
    return draws;
}

// floor(b K w + u) draws after b blocks: within 1 of b K w. A block is as long as its counts, so
// after g draws b K is within L of g, and counts within 1 + L w of g w; inside a block of K draws
// in random order they stray by at most 4 deviations sqrt(K w (1 - w) / 4) more, with 1 in 10^4.
TEST(MixtureTest, CountsFollowThePlanAtAnyTime) {
    auto const mixture = sample_mixture();
    std::vector<double> const shares{10.0 / 16, 5.0 / 16, 0.0, 1.0 / 16};
    std::vector<double> counts(4, 0.0);
    for (std::int64_t g = 0; g < 10 * Mixture::kBlock; ++g) {
        ++counts[static_cast<std::size_t>(mixture.draw(g / 16, g % 16).language)];
        for (std::size_t l = 0; l < counts.size(); ++l) {
            auto const spread = std::sqrt(Mixture::kBlock * shares[l] * (1 - shares[l]) / 4);
            ASSERT_NEAR(
                counts[l], static_cast<double>(g + 1) * shares[l], 1 + 4 * shares[l] + 4 * spread
            ) << "draw "
              << g << " language " << l;
        }
    }
    EXPECT_EQ(counts[2], 0.0);
    EXPECT_NEAR(mixture.share(0), 0.625, 1e-10);
}

// A share of 1e-5 is one draw in 24 blocks, not one in each: 200,000 draws hold 2, and two million
// 20, within 2 (as above, with L w far below 1).
TEST(MixtureTest, ARareLanguageIsNotDrawnMoreThanPlanned) {
    Mixture const mixture({{1.0 - 3e-5, 1e-5, 2e-5}, {100000, 500, 300}, 8, 1000, 9});
    std::vector<std::int64_t> counts(3, 0);
    for (std::int64_t g = 0; g < 2'000'000; ++g) {
        ++counts[static_cast<std::size_t>(mixture.draw(g / 1000, g % 1000).language)];
        if (g + 1 == 200'000) {
            EXPECT_NEAR(static_cast<double>(counts[1]), 2.0, 2.0);
            EXPECT_NEAR(static_cast<double>(counts[2]), 4.0, 2.0);
        }
    }
    EXPECT_NEAR(static_cast<double>(counts[1]), 20.0, 2.0);
    EXPECT_NEAR(static_cast<double>(counts[2]), 40.0, 2.0);
}

TEST(MixtureTest, PlannedRowsAreSharesOfTheRows) {
    auto const planned = sample_mixture().planned_rows(3200);
    ASSERT_EQ(planned.size(), 4U);
    EXPECT_NEAR(planned[0], 2000.0, 1e-6);  // shares are exact to 2^-36
    EXPECT_NEAR(planned[1], 1000.0, 1e-6);
    EXPECT_EQ(planned[2], 0.0);
    EXPECT_NEAR(planned[3], 200.0, 1e-6);
}

// Each token is a target once an epoch: at the end of each, no token was one twice more than
// another. (The language of 5 tokens has padded rows: its first token is never a target.)
TEST(MixtureTest, EveryTokenIsATargetBeforeAnyIsOneAgain) {
    auto const mixture = sample_mixture();
    for (std::int32_t const language : {0, 1}) {
        auto const n = mixture.config().tokens[static_cast<std::size_t>(language)];
        Windows const windows{n, 8};
        std::vector<std::int64_t> seen(static_cast<std::size_t>(n), 0);
        std::int64_t place = 0;
        std::int64_t epochs = 0;
        for (auto const& draw : draws_of(mixture, 12000)) {
            if (draw.language != language) {
                continue;
            }
            ASSERT_EQ(draw.epoch, epochs);
            for (std::int64_t t = 1; t <= 8; ++t) {
                ++seen[static_cast<std::size_t>((draw.first + t) % n)];
            }
            if (++place == windows.before(epochs + 1)) {
                ++epochs;
                auto const [least, most] = std::ranges::minmax(seen);
                ASSERT_GE(least, epochs);
                ASSERT_LE(most, epochs + 1);
                ASSERT_LT(place * 8 - epochs * n, 8);  // over a whole number of epochs by a row
            }
        }
        EXPECT_GE(epochs, 5) << language;
    }
}

TEST(MixtureTest, EpochsAreShuffledAndCutAtOtherPlaces) {
    auto const mixture = sample_mixture();
    std::map<std::int64_t, std::vector<std::int64_t>> orders;
    std::map<std::int64_t, std::set<std::int64_t>> cuts;
    for (auto const& draw : draws_of(mixture, 4000)) {
        if (draw.language == 1) {
            orders[draw.epoch].push_back(draw.window);
            cuts[draw.epoch].insert(draw.first % 8);
        }
    }
    // 101 = 12 * 8 + 5: the first window of epoch e begins at -101 e mod 8 = 3 e mod 8.
    for (std::int64_t epoch = 0; epoch < 8; ++epoch) {
        EXPECT_EQ(cuts[epoch], std::set<std::int64_t>{3 * epoch % 8}) << epoch;
        EXPECT_FALSE(std::ranges::is_sorted(orders[epoch])) << epoch;
    }
    EXPECT_NE(orders[0], orders[8]);  // as many windows, at the same places
}

TEST(MixtureTest, AStreamShorterThanARowIsOneRowAnEpoch) {
    auto const mixture = sample_mixture();
    std::int64_t epoch = 0;
    for (auto const& draw : draws_of(mixture, 2000)) {
        if (draw.language == 3) {
            EXPECT_EQ(draw.first, 0);
            EXPECT_EQ(draw.window, 0);
            EXPECT_EQ(draw.epoch, epoch++);
        }
    }
    EXPECT_GT(epoch, 100);
}

TEST(WindowsTest, AStreamOfARowAndOneTokenIsNotPadded) {
    EXPECT_EQ((Windows{9, 8}.targets()), 8);
    EXPECT_EQ((Windows{8, 8}.targets()), 7);
    EXPECT_EQ((Windows{2, 8}.targets()), 1);
    EXPECT_EQ((Windows{9, 8}.rows_an_epoch()), 9.0 / 8.0);
    EXPECT_EQ((Windows{8, 8}.rows_an_epoch()), 1.0);
    // Nine windows of 8 are eight epochs of 9; the last of them has none of its own to spare.
    EXPECT_EQ((Windows{9, 8}.before(8)), 9);
    EXPECT_EQ((Windows{9, 8}.epoch_of(8)), 7);
    EXPECT_EQ((Windows{9, 8}.first(8)), 1);
}

TEST(MixtureTest, DependsOnTheDrawsIndexAlone) {
    // The same draws whether a step has 16 rows or 4: the number of ranks cannot matter.
    Mixture const wide({{3.0, 1.0}, {1000, 100}, 8, 16, 7});
    Mixture const narrow({{3.0, 1.0}, {1000, 100}, 8, 4, 7});
    Mixture const other({{3.0, 1.0}, {1000, 100}, 8, 16, 8});
    int different = 0;
    for (std::int64_t g = 0; g < 1000; ++g) {
        auto const a = wide.draw(g / 16, g % 16);
        auto const b = narrow.draw(g / 4, g % 4);
        EXPECT_EQ(a.language, b.language);
        EXPECT_EQ(a.first, b.first);
        different += other.draw(g / 16, g % 16).first != a.first ? 1 : 0;
    }
    EXPECT_GT(different, 500);
}

// Over several blocks, forwards and backwards: nothing is kept but what can be made again.
TEST(MixtureTest, AnyOrderOfAskingGivesTheSameDraws) {
    auto const mixture = sample_mixture();
    auto const forwards = draws_of(mixture, 5 * Mixture::kBlock);
    for (auto g = static_cast<std::int64_t>(forwards.size()) - 1; g >= 0; g -= 37) {
        auto const& expected = forwards[static_cast<std::size_t>(g)];
        auto const draw = mixture.draw(g / 16, g % 16);
        ASSERT_EQ(draw.language, expected.language) << g;
        ASSERT_EQ(draw.first, expected.first) << g;
        ASSERT_EQ(draw.epoch, expected.epoch) << g;
    }
    expect_error(Exit::internal, "row 16 of 16", [&] { (void)mixture.draw(0, 16); });
    expect_error(Exit::internal, "step", [&] { (void)mixture.draw(Mixture::kRows / 16, 0); });
}

TEST(MixtureTest, LanguageWithWeightButNoTextIsRefused) {
    expect_error(Exit::usage, "language 1", [] {
        Mixture const mixture({{1.0, 1.0}, {100, 1}, 8, 4, 1});
    });
}

}  // namespace
}  // namespace isogloss

// corpus/mixture_test.cpp
#include "corpus/mixture.h"

#include <cmath>
#include <map>
#include <set>

#include "support/expect_error.h"

namespace isogloss {
namespace {

using test::expect_error;

TEST(MixtureTest, TemperatureFlattensShares) {
    // 4 and 64 at temperature 1: 4/68; at 2: 2 and 8; at 3: 4^(1/3) and 4.
    std::vector<std::int64_t> const tokens{4, 0, 64};
    // Two roundings of pow and a division: a few units of 1.1e-16.
    EXPECT_NEAR(temperature_weights(tokens, 1.0)[0], 4.0 / 68.0, 1e-15);
    EXPECT_NEAR(temperature_weights(tokens, 2.0)[2], 0.8, 1e-15);
    EXPECT_NEAR(temperature_weights(tokens, 3.0)[0], std::cbrt(4.0) / (std::cbrt(4.0) + 4), 1e-15);
    EXPECT_EQ(temperature_weights(tokens, 5.0)[1], 0.0);
    expect_error(Exit::usage, "temperature", [&] { temperature_weights(tokens, 0.0); });
    expect_error(Exit::usage, "no language", [] {
        temperature_weights(std::vector<std::int64_t>{0, 0}, 1.0);
    });
}

TEST(MixtureTest, AlphaFlattensSizes) {
    // 16^(1/4) = 2, 81^(1/4) = 3; alpha 0 counts languages, not text.
    std::vector<double> const sizes{16.0, 0.0, 81.0};
    EXPECT_NEAR(power_weights(sizes, 0.25)[0], 0.4, 1e-15);
    EXPECT_NEAR(power_weights(sizes, 1.0)[2], 81.0 / 97.0, 1e-15);
    EXPECT_EQ(power_weights(sizes, 0.0), (std::vector<double>{0.5, 0.0, 0.5}));
    expect_error(Exit::usage, "alpha is 1.5", [&] { power_weights(sizes, 1.5); });
    expect_error(Exit::usage, "alpha is -0.1", [&] { power_weights(sizes, -0.1); });
}

TEST(MixtureTest, ReplayGivesOldLanguagesTheirShare) {
    std::vector<double> const weights{1.0, 3.0, 2.0, 8.0};
    std::vector<std::uint8_t> const old{1, 1, 0, 0};
    auto const mixed = replay_weights(weights, old, 0.25);
    EXPECT_NEAR(mixed[0], 0.25 * 1 / 4, 1e-15);
    EXPECT_NEAR(mixed[1], 0.25 * 3 / 4, 1e-15);
    EXPECT_NEAR(mixed[2], 0.75 * 2 / 10, 1e-15);
    EXPECT_NEAR(mixed[3], 0.75 * 8 / 10, 1e-15);
    expect_error(Exit::usage, "old languages", [&] {
        replay_weights(weights, std::vector<std::uint8_t>{0, 0, 0, 0}, 0.1);
    });
}

TEST(MixtureTest, LargestRemainderKeepsTheSumAndEveryLanguage) {
    using Counts = std::vector<std::int64_t>;
    // 10 over 1:2:4: exact 1.43, 2.86, 5.71: floors 1, 2, 5; the two left go to .86 and .71.
    EXPECT_EQ(largest_remainder(std::vector<double>{1, 2, 4}, 10), (Counts{1, 3, 6}));
    EXPECT_EQ(largest_remainder(std::vector<double>{1, 1, 1}, 10), (Counts{4, 3, 3}));
    EXPECT_EQ(largest_remainder(std::vector<double>{1e-9, 0, 1}, 4), (Counts{1, 0, 3}));
    EXPECT_EQ(largest_remainder(std::vector<double>{1e-9, 1e-9, 1, 1}, 4), (Counts{1, 1, 1, 1}));
}

Mixture sample_mixture() {
    // Windows of 8: 124 (spare 7), 12 (spare 3) and one padded of 5 tokens.
    return Mixture({{10.0, 5.0, 0.0, 1.0}, {1000, 100, 50, 5}, 8, 16, 42});
}

TEST(MixtureTest, EachBlockHasExactCounts) {
    auto const mixture = sample_mixture();
    for (std::int64_t const block : {0, 1}) {
        std::map<std::int32_t, std::int64_t> counts;
        for (std::int64_t g = 0; g < Mixture::kBlock; ++g) {
            auto const index = block * Mixture::kBlock + g;
            ++counts[mixture.draw(index / 16, index % 16).language];
        }
        EXPECT_EQ(counts[0], 65536 * 10 / 16);
        EXPECT_EQ(counts[1], 65536 * 5 / 16);
        EXPECT_EQ(counts.count(2), 0U);
        EXPECT_EQ(counts[3], 65536 / 16);
    }
    EXPECT_EQ(mixture.share(0), 0.625);
}

TEST(MixtureTest, NoWindowComesTwiceBeforeAllCameOnce) {
    auto const mixture = sample_mixture();
    ASSERT_EQ(mixture.windows(0), 124);
    ASSERT_EQ(mixture.windows(1), 12);
    ASSERT_EQ(mixture.windows(3), 1);
    std::map<std::pair<std::int32_t, std::int64_t>, std::multiset<std::int64_t>> seen;
    std::map<std::int32_t, std::int64_t> epochs;
    for (std::int64_t g = 0; g < Mixture::kBlock + 5000; ++g) {  // across a block's border
        auto const draw = mixture.draw(g / 16, g % 16);
        seen[{draw.language, draw.epoch}].insert(draw.window);
        auto& epoch = epochs[draw.language];
        ASSERT_LE(epoch, draw.epoch);  // one after another, in the order of the steps
        epoch = draw.epoch;
    }
    int whole = 0;
    for (auto const& [key, windows] : seen) {
        EXPECT_EQ(std::set(windows.begin(), windows.end()).size(), windows.size());
        auto const size = static_cast<std::size_t>(mixture.windows(key.first));
        EXPECT_LE(windows.size(), size);
        EXPECT_LT(*windows.rbegin(), mixture.windows(key.first));
        whole += windows.size() == size ? 1 : 0;
    }
    // The epochs that are not whole: at most the one at the end, of each of 3 languages.
    EXPECT_GE(whole, static_cast<int>(seen.size()) - 3);
}

TEST(MixtureTest, EveryRowLiesInItsStream) {
    auto const mixture = sample_mixture();
    std::set<std::int64_t> offsets;
    for (std::int64_t g = 0; g < 40000; ++g) {
        auto const draw = mixture.draw(g / 16, g % 16);
        auto const tokens = mixture.config().tokens[static_cast<std::size_t>(draw.language)];
        ASSERT_GE(draw.first, 0);
        ASSERT_LE(draw.first + std::min<std::int64_t>(9, tokens), tokens);
        ASSERT_EQ((draw.first - draw.window * 8) % 8, draw.first - draw.window * 8);
        if (draw.language == 0) {
            offsets.insert(draw.first % 8);
        }
    }
    EXPECT_GT(offsets.size(), 1U);  // epochs cut the stream at other places
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

TEST(MixtureTest, LanguageWithWeightButNoTextIsRefused) {
    expect_error(Exit::usage, "language 1", [] {
        Mixture const mixture({{1.0, 1.0}, {100, 1}, 8, 4, 1});
    });
}

}  // namespace
}  // namespace isogloss

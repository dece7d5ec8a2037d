// corpus/sampling_test.cpp - drawn shares against planned ones, by Pearson's chi-square.
//
// Critical values are Wilson's and Hilferty's (1931, PNAS 17, 684): the p-quantile of chi-square
// with k degrees of freedom is k (1 - 2 / 9k + z_p sqrt(2 / 9k))^3. For k = 127 that gives 83.34
// and 182.04 for p = 0.001 and 0.999, where the incomplete gamma function gives 83.38 and 181.99.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "base/math.h"
#include "corpus/language_weights.h"
#include "corpus/row_order.h"

namespace isogloss {
namespace {

constexpr std::int64_t kSteps = 10000;
constexpr std::int64_t kSampleRows = 16;
constexpr std::int64_t kSampleLength = 64;
constexpr double kNormal999 = 3.0902;  // 0.999-quantile of the normal distribution

double quantile(double degrees, double normal) {
    auto const ninth = 2.0 / (9.0 * degrees);
    return degrees * std::pow(1.0 - ninth + normal * std::sqrt(ninth), 3.0);
}

// 128 languages of 10^5 to 10^8 tokens.
std::vector<std::int64_t> sizes() {
    std::vector<std::int64_t> tokens;
    for (int i = 0; i < 128; ++i) {
        tokens.push_back(static_cast<std::int64_t>(std::pow(10.0, 5.0 + 3.0 * i / 127.0)));
    }
    return tokens;
}

template <class Order>
std::vector<double> counts_of(Order const& order, std::int64_t rows) {
    std::vector<double> counts(order.config().tokens.size(), 0.0);
    for (std::int64_t g = 0; g < rows; ++g) {
        ++counts[index(order.draw(g / kSampleRows, g % kSampleRows).language)];
    }
    return counts;
}

// Sum of (observed - planned)^2 / planned over the languages that are planned.
double chi_square(std::vector<double> const& observed, std::vector<double> const& planned) {
    double sum = 0.0;
    for (std::size_t i = 0; i < planned.size(); ++i) {
        if (planned[i] == 0.0) {
            EXPECT_EQ(observed[i], 0.0);
            continue;
        }
        EXPECT_GE(planned[i], 5.0) << i;  // below that the statistic is not chi-square
        sum += (observed[i] - planned[i]) * (observed[i] - planned[i]) / planned[i];
    }
    return sum;
}

// Independent draws would give 83 to 182 (998 times of 1000). Ours are stratified: after whole
// blocks every count is within 1 + L w of the plan, and what stands of the last block adds a
// sample without replacement of at most kBlock rows. So the statistic lies below the sum of
// (2 + L w)^2 / E over languages, plus 182 kBlock / (4 rows), and far below independence.
TEST(SamplingTest, TenThousandStepsHaveThePlannedShares) {
    auto const tokens = sizes();
    Mixture const mixture({temperature_weights(tokens, 2.0), tokens, kSampleLength, kSampleRows, 1}
    );
    auto const planned = mixture.planned_rows(kSteps * kSampleRows);
    auto const statistic = chi_square(counts_of(mixture, kSteps * kSampleRows), planned);
    double bound = quantile(127.0, kNormal999) * Mixture::kBlock / (4.0 * kSteps * kSampleRows);
    for (std::size_t i = 0; i < planned.size(); ++i) {
        auto const error = 2.0 + 128.0 * mixture.share(static_cast<std::int32_t>(i));
        bound += error * error / planned[i];
    }
    EXPECT_LT(statistic, bound);
    EXPECT_LT(bound, quantile(127.0, -kNormal999));
}

// Within blocks the order is random: the first quarter of each is a sample without replacement, so
// counts over many blocks have (N - m) / (N - 1) of the variance of independent draws, and the
// statistic over that factor is chi-square. Both ends: too even would be no random order either.
TEST(SamplingTest, PartsOfBlocksAreRandomSamples) {
    auto const tokens = sizes();
    // Rows as long as blocks, so that draw (b, r) is about row r of block b; off by fewer than L.
    constexpr std::int64_t kBlock = Mixture::kBlock;
    constexpr std::int64_t kFirst = 512;  // rows [512, 1536) of each: clear of the blocks' borders
    constexpr std::int64_t kSample = 1024;
    constexpr std::int64_t kBlocks = 39;
    Mixture const mixture({temperature_weights(tokens, 2.0), tokens, kSampleLength, kBlock, 2});
    std::vector<double> counts(tokens.size(), 0.0);
    for (std::int64_t block = 0; block < kBlocks; ++block) {
        for (std::int64_t row = kFirst; row < kFirst + kSample; ++row) {
            ++counts[index(mixture.draw(block, row).language)];
        }
    }
    auto const factor = static_cast<double>(kBlock - kSample) / (kBlock - 1.0);
    auto const statistic = chi_square(counts, mixture.planned_rows(kBlocks * kSample)) / factor;
    EXPECT_GT(statistic, quantile(127.0, -kNormal999));
    EXPECT_LT(statistic, quantile(127.0, kNormal999));
}

// 12 languages to learn at 3/4 of the rows, 12 to replay at 1/4; in tokens, as rows are whole.
TEST(SamplingTest, ReplayHasItsShareOfTheTokens) {
    auto tokens = sizes();
    tokens.resize(24);
    std::vector<std::uint8_t> old(24, 0);
    std::fill(old.begin() + 12, old.end(), std::uint8_t{1});
    auto const weights = replay_weights(temperature_weights(tokens, 1.0), old, 0.25);
    RowOrder const order(Mixture({weights, tokens, kSampleLength, kSampleRows, 3}));
    double old_tokens = 0.0;
    double all_tokens = 0.0;
    for (std::int64_t g = 0; g < kSteps * kSampleRows; ++g) {
        auto const draw = order.draw(g / kSampleRows, g % kSampleRows);
        auto const targets = static_cast<double>(order.targets(draw));
        old_tokens += old[index(draw.language)] != 0 ? targets : 0.0;
        all_tokens += targets;
    }
    EXPECT_EQ(all_tokens, static_cast<double>(kSteps * kSampleRows * kSampleLength));
    // 12 languages, each within 2 + 24 w of its plan (as above), and the part of the last block.
    auto const rows =
        12 * 2 + 24 * 0.25 + kNormal999 * std::sqrt(Mixture::kBlock / 4 * 0.25 * 0.75);
    EXPECT_NEAR(old_tokens / kSampleLength, 0.25 * kSteps * kSampleRows, rows);
}

// Groups of 3, 5 and 4 languages in the proportions 1 : 2 : 4 of chunks: rows of a group are
// exact, and a group's languages follow their weights as in a mixture.
TEST(SamplingTest, GroupChunksHaveThePlannedShares) {
    GroupChunksConfig config;
    config.tokens = sizes();
    config.tokens.resize(12);
    std::vector<std::size_t> const ends{3, 8, 12};
    std::size_t begin = 0;
    for (auto const end : ends) {
        std::vector<double> weights(12, 0.0);
        for (auto i = begin; i < end; ++i) {
            weights[i] = std::pow(static_cast<double>(config.tokens[i]), 0.3);
        }
        config.weights.push_back(weights);
        begin = end;
    }
    config.lengths = {99, 199, 399};
    config.row_length = kSampleLength;
    config.rows = kSampleRows;
    config.chunk_rows = 10;
    config.seed = 4;
    GroupChunks const chunks(config);
    for (auto const rows : std::vector<std::int64_t>{7, 695, 700, kSteps * kSampleRows}) {
        std::vector<std::int64_t> of_group(3, 0);
        for (std::int64_t g = 0; g < rows; ++g) {
            ++of_group[index(chunks.group(g / kSampleRows, g % kSampleRows))];
        }
        for (std::int32_t group = 0; group < 3; ++group) {
            EXPECT_EQ(chunks.rows_of(group, rows), of_group[index(group)]) << rows;
        }
    }
    EXPECT_EQ(chunks.rows_of(0, 7000), 1000);
    EXPECT_EQ(chunks.rows_of(2, 7000), 4000);
    auto const planned = chunks.planned_rows(kSteps * kSampleRows);
    EXPECT_NEAR(std::accumulate(planned.begin(), planned.end(), 0.0), kSteps * kSampleRows, 1e-3);
    // Stratified, so below the upper end of independent draws with 12 - 3 degrees of freedom.
    EXPECT_LT(
        chi_square(counts_of(chunks, kSteps * kSampleRows), planned), quantile(9.0, kNormal999)
    );
}

}  // namespace
}  // namespace isogloss

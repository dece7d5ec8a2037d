// train/data_order_test.cpp - the shares of languages, and how many targets count.
#include "train/data_order.h"

#include <gtest/gtest.h>

#include <map>

#include "corpus/loader.h"
#include "support/byte_corpus.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

// Streams of 401, 801, 1601 and 12 tokens.
void write_corpus(std::filesystem::path const& folder) {
    auto const text = [](std::size_t length) { return test::periodic_text("abc", length); };
    test::write_byte_corpus(
        folder, {{"de", {text(400)}, {text(50)}},
                 {"el", {text(800)}, {text(50)}},
                 {"hu", {text(1600)}, {text(50)}},
                 {"yi", {text(11)}, {}}}
    );
}

constexpr std::int64_t kRows = 12;  // a step

RunConfig small_run() {
    RunConfig run;
    run.train.rows = kRows;
    run.train.micro_rows = 4;
    run.train.row_length = 16;
    run.train.seed = 3;
    return run;
}

double share(Mixture const& mixture, std::int32_t language) {
    double rows = 0.0;
    for (std::int64_t row = 0; row < Mixture::kBlock; ++row) {
        auto const draw = mixture.draw(row / kRows, row % kRows);
        rows += draw.language == language ? 1.0 : 0.0;
    }
    return rows / static_cast<double>(Mixture::kBlock);
}

// The counts of a block are the shares rounded to whole rows, each language at least one.
constexpr double kShareError = 4.0 / static_cast<double>(Mixture::kBlock);

TEST(DataOrderTest, SharesFollowSizeTemperatureAndWeights) {
    test::TemporaryFolder const folder;
    write_corpus(folder.path());
    Corpus const corpus(folder.path());
    auto run = small_run();
    run.data.languages = {"hu", "de"};
    auto const by_size = make_mixture(run, corpus);
    EXPECT_NEAR(share(by_size, 0), 401.0 / 2002.0, kShareError);
    EXPECT_EQ(share(by_size, 1), 0.0);  // not named
    EXPECT_NEAR(share(by_size, 2), 1601.0 / 2002.0, kShareError);

    run.data.temperature = 1e9;
    EXPECT_NEAR(share(make_mixture(run, corpus), 0), 0.5, kShareError);

    run.data.weights = {1.0, 3.0};  // in the order of data.languages, not of the corpus
    auto const by_weight = make_mixture(run, corpus);
    EXPECT_NEAR(share(by_weight, 2), 0.25, kShareError);
    EXPECT_NEAR(share(by_weight, 0), 0.75, kShareError);
}

TEST(DataOrderTest, ReplayTakesItsShareTogether) {
    test::TemporaryFolder const folder;
    write_corpus(folder.path());
    Corpus const corpus(folder.path());
    auto run = small_run();
    run.data.languages = {"el"};
    run.data.replay_languages = {"hu", "de"};
    run.data.replay_share = 0.3;
    auto const mixture = make_mixture(run, corpus);
    EXPECT_NEAR(share(mixture, 1), 0.7, kShareError);
    EXPECT_NEAR(share(mixture, 0), 0.3 * 401.0 / 2002.0, kShareError);
    EXPECT_NEAR(share(mixture, 2), 0.3 * 1601.0 / 2002.0, kShareError);
    EXPECT_EQ(share(mixture, 3), 0.0);
}

TEST(DataOrderTest, NoLanguagesMeansAllButTheReplayed) {
    test::TemporaryFolder const folder;
    write_corpus(folder.path());
    Corpus const corpus(folder.path());
    auto run = small_run();
    run.data.replay_languages = {"hu"};
    run.data.replay_share = 0.5;
    auto const mixture = make_mixture(run, corpus);
    EXPECT_NEAR(share(mixture, 2), 0.5, kShareError);
    EXPECT_NEAR(share(mixture, 0), 0.5 * 401.0 / 1214.0, kShareError);
    EXPECT_NEAR(share(mixture, 3), 0.5 * 12.0 / 1214.0, kShareError);
}

// A short stream has one window of 12 tokens: 11 targets, the others are padding.
TEST(DataOrderTest, CountedTargetsAreThoseOfTheBatches) {
    test::TemporaryFolder const folder;
    write_corpus(folder.path());
    Corpus const corpus(folder.path());
    auto run = small_run();
    run.data.languages = {"de", "yi"};
    run.data.weights = {1.0, 1.0};
    auto const mixture = make_mixture(run, corpus);
    std::map<std::int64_t, int> targets_of_a_row;
    for (std::int64_t step = 0; step < 20; ++step) {
        std::int64_t counted = 0;
        for (std::int64_t row = 0; row < run.train.rows; ++row) {
            auto const batch = read_rows(corpus, mixture, step, std::vector{row});
            std::int64_t of_row = 0;
            for (std::int64_t n = 0; n < batch.size(); ++n) {
                of_row += batch.targets.view().data[n] != kNoTarget ? 1 : 0;
            }
            counted += of_row;
            ++targets_of_a_row[of_row];
        }
        EXPECT_EQ(counted_targets(mixture, step), static_cast<double>(counted)) << step;
    }
    EXPECT_GT(targets_of_a_row[11], 0);
    EXPECT_GT(targets_of_a_row[16], 0);
    EXPECT_EQ(targets_of_a_row.size(), 2U);
}

TEST(DataOrderTest, UnknownAndEmptyLanguagesAreRefused) {
    test::TemporaryFolder const folder;
    test::write_byte_corpus(folder.path(), {{"de", {"text"}, {}}, {"el", {}, {"text"}}});
    Corpus const corpus(folder.path());
    auto run = small_run();
    run.data.languages = {"xx"};
    test::expect_error(Exit::usage, "\"xx\"", [&] { make_mixture(run, corpus); });
    run.data.languages = {"de", "el"};
    test::expect_error(Exit::usage, "language el has 0 tokens", [&] { make_mixture(run, corpus); });
    run.data.languages = {"de"};
    run.data.replay_languages = {"el"};
    run.data.replay_share = 0.5;
    test::expect_error(Exit::usage, "language el has 0 tokens", [&] { make_mixture(run, corpus); });
}

}  // namespace
}  // namespace isogloss

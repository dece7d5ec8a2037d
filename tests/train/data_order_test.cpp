// train/data_order_test.cpp - the shares of languages, and how many targets count.
#include "train/data_order.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "corpus/loader.h"
#include "support/byte_corpus.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

// Streams of 401, 801, 1601 and 12 tokens.
void write_ordered_corpus(std::filesystem::path const& folder) {
    auto const text = [](std::size_t length) { return test::periodic_text("abc", length); };
    test::write_byte_corpus(
        folder, {{"de", {text(400)}, {text(50)}},
                 {"el", {text(800)}, {text(50)}},
                 {"hu", {text(1600)}, {text(50)}},
                 {"yi", {text(11)}, {}}}
    );
}

constexpr std::int64_t kRows = 12;  // a step

RunConfig ordered_run() {
    RunConfig run;
    run.train.rows = kRows;
    run.train.micro_rows = 4;
    run.train.row_length = 16;
    run.train.seed = 3;
    return run;
}

constexpr std::int64_t kCounted = 16 * Mixture::kBlock;

double share(RowOrder const& mixture, std::int32_t language) {
    double rows = 0.0;
    for (std::int64_t row = 0; row < kCounted; ++row) {
        auto const draw = mixture.draw(row / kRows, row % kRows);
        rows += draw.language == language ? 1.0 : 0.0;
    }
    return rows / static_cast<double>(kCounted);
}

// After whole blocks counts are within 1 of the plan; L = 4 languages make 16 blocks at most 4 rows
// longer or shorter than 16 kBlock, which moves the plan and the count by 4 each.
constexpr double kShareError = 9.0 / static_cast<double>(kCounted);

TEST(DataOrderTest, SharesFollowSizeTemperatureAndWeights) {
    test::TemporaryFolder const folder;
    write_ordered_corpus(folder.path());
    Corpus const corpus(folder.path());
    auto run = ordered_run();
    run.data.languages = {"hu", "de"};
    auto const by_size = make_order(run, corpus, {});
    EXPECT_NEAR(share(by_size, 0), 401.0 / 2002.0, kShareError);
    EXPECT_EQ(share(by_size, 1), 0.0);  // not named
    EXPECT_NEAR(share(by_size, 2), 1601.0 / 2002.0, kShareError);

    run.data.temperature = 1e9;
    EXPECT_NEAR(share(make_order(run, corpus, {}), 0), 0.5, kShareError);

    run.data.weights = {"1", "3"};  // in the order of data.languages, not of the corpus
    auto const by_weight = make_order(run, corpus, {});
    EXPECT_NEAR(share(by_weight, 2), 0.25, kShareError);
    EXPECT_NEAR(share(by_weight, 0), 0.75, kShareError);
    run.data.weights = {"de=30", "hu=10"};
    EXPECT_NEAR(share(make_order(run, corpus, {}), 0), 0.75, kShareError);
}

// Streams of 401, 801, 1601 and 12 tokens are 25.06, 50.06, 100.06 and 1 rows of 16 tokens.
TEST(DataOrderTest, UniMaxIsEvenUpToItsEpochs) {
    test::TemporaryFolder const folder;
    write_ordered_corpus(folder.path());
    Corpus const corpus(folder.path());
    auto run = ordered_run();
    run.data.unimax = 2.0;
    run.train.steps = 20;  // 240 rows: yi has 2, de 50.125, and 187.875 are left for two
    auto const order = make_order(run, corpus, {});
    EXPECT_NEAR(share(order, 3), 2.0 / 240, kShareError);
    EXPECT_NEAR(share(order, 0), 50.125 / 240, kShareError);
    EXPECT_NEAR(share(order, 1), 93.9375 / 240, kShareError);
    EXPECT_NEAR(share(order, 2), 93.9375 / 240, kShareError);
    run.train.steps = 40;  // 480 rows, of 352 in two epochs
    test::expect_error(Exit::usage, "would be read 2.7", [&] { make_order(run, corpus, {}); });
    run.train.steps = 20;
    run.data.replay_languages = {"de", "yi"};  // 52 rows at most, a quarter is 60
    run.data.replay_share = 0.25;
    test::expect_error(Exit::usage, "of 2 languages that share 60 rows", [&] {
        make_order(run, corpus, {});
    });
    run.data.replay_share = 0.2;  // 48: two for yi
    auto const replay = make_order(run, corpus, {});
    EXPECT_NEAR(share(replay, 3), 2.0 / 240, kShareError);
    EXPECT_NEAR(share(replay, 0), 46.0 / 240, kShareError);
    EXPECT_NEAR(share(replay, 1), 96.0 / 240, kShareError);
}

TEST(DataOrderTest, ReplayTakesItsShareTogether) {
    test::TemporaryFolder const folder;
    write_ordered_corpus(folder.path());
    Corpus const corpus(folder.path());
    auto run = ordered_run();
    run.data.languages = {"el"};
    run.data.replay_languages = {"hu", "de"};
    run.data.replay_share = 0.3;
    auto const mixture = make_order(run, corpus, {});
    EXPECT_NEAR(share(mixture, 1), 0.7, kShareError);
    EXPECT_NEAR(share(mixture, 0), 0.3 * 401.0 / 2002.0, kShareError);
    EXPECT_NEAR(share(mixture, 2), 0.3 * 1601.0 / 2002.0, kShareError);
    EXPECT_EQ(share(mixture, 3), 0.0);
}

TEST(DataOrderTest, NoLanguagesMeansAllButTheReplayed) {
    test::TemporaryFolder const folder;
    write_ordered_corpus(folder.path());
    Corpus const corpus(folder.path());
    auto run = ordered_run();
    run.data.replay_languages = {"hu"};
    run.data.replay_share = 0.5;
    auto const mixture = make_order(run, corpus, {});
    EXPECT_NEAR(share(mixture, 2), 0.5, kShareError);
    EXPECT_NEAR(share(mixture, 0), 0.5 * 401.0 / 1214.0, kShareError);
    EXPECT_NEAR(share(mixture, 3), 0.5 * 12.0 / 1214.0, kShareError);
}

// Bytes of text are 400, 800 and 1600: tokens less the one separator.
TEST(DataOrderTest, AlphaCountsBytes) {
    test::TemporaryFolder const folder;
    write_ordered_corpus(folder.path());
    Corpus const corpus(folder.path());
    auto run = ordered_run();
    run.data.languages = {"de", "hu"};
    run.data.alpha = 0.5;  // 20 to 40
    EXPECT_NEAR(share(make_order(run, corpus, {}), 0), 20.0 / 60.0, kShareError);
    run.data.alpha = 0.0;
    EXPECT_NEAR(share(make_order(run, corpus, {}), 0), 0.5, kShareError);
}

// Documents of 100, 60 and 240 letters, and one of 300: with separators 101, 61, 241 and 301.
void write_documents(std::filesystem::path const& folder) {
    auto const text = [](std::size_t length) { return test::periodic_text("abc", length); };
    test::write_byte_corpus(
        folder, {{"el", {text(100), text(60), text(240)}, {}}, {"en", {text(300), text(500)}, {}}}
    );
}

TEST(DataOrderTest, TheFirstDocumentsAreAllThatIsRead) {
    test::TemporaryFolder const folder;
    write_documents(folder.path());
    Corpus const corpus(folder.path());
    auto run = ordered_run();
    run.data.languages = {"el"};
    run.data.documents = 2;
    auto const order = make_order(run, corpus, {});
    EXPECT_EQ(order.tokens()[0], 162);
    std::vector<std::int32_t> ring(162);
    corpus.window(0, Split::train, 0, ring);
    ring.insert(ring.end(), ring.begin(), ring.begin() + 16);
    for (std::int64_t row = 0; row < 500; ++row) {
        auto const draw = order.draw(row / kRows, row % kRows);
        EXPECT_LT(draw.first, 162);
        auto const batch =
            read_rows(corpus, order, row / kRows, std::vector<std::int64_t>{row % kRows});
        EXPECT_EQ(batch.counted_targets, order.targets(draw));
        for (std::int64_t t = 0; t < 16; ++t) {  // after token 161 comes token 0
            EXPECT_EQ(batch.targets.data()[t], ring[static_cast<std::size_t>(draw.first + t + 1)]);
        }
    }
    run.data.documents = 7;  // more than there are
    EXPECT_EQ(make_order(run, corpus, {}).tokens()[0], 403);
}

TEST(DataOrderTest, ReplayByDocumentsFollowsTheirTokens) {
    test::TemporaryFolder const folder;
    write_documents(folder.path());
    Corpus const corpus(folder.path());
    auto run = ordered_run();
    run.data.languages = {"el"};
    run.data.replay_languages = {"en"};
    run.data.documents = 2;
    run.data.replay_documents = 1;
    auto const order = make_order(run, corpus, {});
    EXPECT_NEAR(share(order, 0), 162.0 / 463.0, kShareError);
    EXPECT_NEAR(share(order, 1), 301.0 / 463.0, kShareError);
    run.data.replay_share = 0.25;  // said, so taken; the text is as short
    auto const shared = make_order(run, corpus, {});
    EXPECT_NEAR(share(shared, 1), 0.25, kShareError);
    EXPECT_EQ(shared.tokens()[1], 301);
}

// Two groups as experts have them: de and yi of expert 1, el and hu of expert 2.
ModelConfig model_of_groups() {
    ModelConfig model;
    model.layers.resize(2);
    model.layers[1].experts.resize(3);
    model.layers[1].experts[1].group = "yi,de";
    model.layers[1].experts[2].group = "el,hu";
    return model;
}

// Rows of 16 tokens: de has 25, yi 1, el 50, hu 100. Chunks of 8: 26 / 8 + 1 = 4, and
// 150 / 8 + 1 = 19.
TEST(DataOrderTest, GroupChunksAreTheExpertsGroups) {
    test::TemporaryFolder const folder;
    write_ordered_corpus(folder.path());
    Corpus const corpus(folder.path());
    auto run = ordered_run();
    run.data.order = OrderRule::group_chunks;
    run.data.chunk_rows = 8;
    auto const order = make_order(run, corpus, model_of_groups());
    std::map<std::int32_t, double> rows;
    std::int64_t chunks_of_first = 0;
    for (std::int64_t chunk = 0; chunk < 23; ++chunk) {
        std::set<bool> groups;
        for (auto row = chunk * 8; row < (chunk + 1) * 8; ++row) {
            auto const language = order.draw(row / kRows, row % kRows).language;
            groups.insert(language == 0 || language == 3);
            ++rows[language];
        }
        EXPECT_EQ(groups.size(), 1U) << "chunk " << chunk;
        chunks_of_first += groups.contains(true) ? 1 : 0;
    }
    EXPECT_EQ(chunks_of_first, 4);

    run.data.group_budget = 16 * 80;  // 80 rows a group: 11 chunks each, so half of all rows
    auto const even = make_order(run, corpus, model_of_groups());
    double of_first = 0.0;
    for (std::int64_t row = 0; row < 22 * 8; ++row) {
        auto const language = even.draw(row / kRows, row % kRows).language;
        of_first += language == 0 || language == 3 ? 1.0 : 0.0;
    }
    EXPECT_EQ(of_first, 88.0);
}

// 800^0.3 to 1600^0.3 is 1 to 2^0.3. A group has blocks of its own, whose counts are exact.
TEST(DataOrderTest, LanguagesOfAGroupFollowBytesToThePowerOf03) {
    test::TemporaryFolder const folder;
    write_ordered_corpus(folder.path());
    Corpus const corpus(folder.path());
    auto run = ordered_run();
    run.data.order = OrderRule::group_chunks;
    run.data.languages = {"el", "hu"};
    EXPECT_NEAR(
        share(make_order(run, corpus, model_of_groups()), 1), 1.0 / (1.0 + std::pow(2.0, 0.3)),
        kShareError
    );
    run.data.alpha = 1.0;
    EXPECT_NEAR(share(make_order(run, corpus, model_of_groups()), 1), 1.0 / 3.0, kShareError);
}

TEST(DataOrderTest, ALanguageInNoGroupIsRefused) {
    test::TemporaryFolder const folder;
    write_ordered_corpus(folder.path());
    Corpus const corpus(folder.path());
    auto run = ordered_run();
    run.data.order = OrderRule::group_chunks;
    auto model = model_of_groups();
    model.layers[1].experts[1].group = "de";
    test::expect_error(Exit::usage, "yi", [&] { make_order(run, corpus, model); });
    run.data.languages = {"de", "hu"};
    EXPECT_EQ(make_order(run, corpus, model).rows(), kRows);
}

TEST(DataOrderTest, UnknownAndEmptyLanguagesAreRefused) {
    test::TemporaryFolder const folder;
    test::write_byte_corpus(folder.path(), {{"de", {"text"}, {}}, {"el", {}, {"text"}}});
    Corpus const corpus(folder.path());
    auto run = ordered_run();
    run.data.languages = {"xx"};
    test::expect_error(Exit::usage, "\"xx\"", [&] { make_order(run, corpus, {}); });
    run.data.languages = {"de", "el"};
    test::expect_error(Exit::usage, "language el has 0 tokens", [&] {
        make_order(run, corpus, {});
    });
    run.data.languages = {"de"};
    run.data.replay_share = 0.5;
    run.data.replay_languages = {"es"};
    test::expect_error(Exit::usage, "has no text of es", [&] { make_order(run, corpus, {}); });
    run.data.replay_languages = {"el"};
    test::expect_error(Exit::usage, "language el has 0 tokens", [&] {
        make_order(run, corpus, {});
    });
}

}  // namespace
}  // namespace isogloss

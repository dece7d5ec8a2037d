// train/mixture_plan_test.cpp - the plan against a count of what is drawn.
#include "train/mixture_plan.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/math.h"
#include "support/byte_corpus.h"
#include "support/temporary_folder.h"
#include "train/data_order.h"

namespace isogloss {
namespace {

// Streams of 401, 801, 1601 and 12 tokens.
void write_planned_corpus(std::filesystem::path const& folder) {
    auto const text = [](std::size_t length) { return test::periodic_text("abc", length); };
    test::write_byte_corpus(
        folder, {{"de", {text(400)}, {}},
                 {"el", {text(800)}, {}},
                 {"hu", {text(1600)}, {}},
                 {"yi", {text(11)}, {}}}
    );
}

RunConfig planned_run() {
    RunConfig run;
    run.train.steps = 3000;
    run.train.rows = 16;
    run.train.row_length = 16;
    return run;
}

// What the run will draw, row by row.
struct Drawn {
    std::vector<double> rows = std::vector<double>(4, 0.0);
    std::vector<double> tokens = std::vector<double>(4, 0.0);
    std::vector<double> epochs = std::vector<double>(4, 0.0);  ///< begun
};

Drawn drawn_by(RunConfig const& run, RowOrder const& order) {
    Drawn drawn;
    for (std::int64_t step = 0; step < run.train.steps; ++step) {
        for (std::int64_t row = 0; row < run.train.rows; ++row) {
            auto const draw = order.draw(step, row);
            auto const language = index(draw.language);
            drawn.rows[language] += 1.0;
            drawn.tokens[language] += static_cast<double>(order.targets(draw));
            drawn.epochs[language] = static_cast<double>(draw.epoch) + 1.0;
        }
    }
    return drawn;
}

// Counts stray from the plan by 1 + 2 L w, and inside the last block of 4096 by a sample without
// replacement, of a deviation of at most sqrt(4096 / 16) = 16; four of them.
constexpr double kRowError = 1 + 2 * 4 + 4 * 16;

void expect_plan(RunConfig const& run, Corpus const& corpus, ModelConfig const& model) {
    auto const order = make_order(run, corpus, model);
    auto const drawn = drawn_by(run, order);
    double shares = 0.0;
    for (auto const& planned : plan_mixture(run, corpus, order)) {
        auto const language = index(corpus.language_index(planned.tag));
        auto const row_targets = planned.tag == "yi" ? 11.0 : 16.0;
        auto const rows_an_epoch =
            planned.tag == "yi" ? 1.0 : static_cast<double>(planned.text_tokens) / 16.0;
        EXPECT_NEAR(planned.rows, drawn.rows[language], kRowError) << planned.tag;
        EXPECT_NEAR(planned.tokens, drawn.tokens[language], kRowError * row_targets);
        EXPECT_NEAR(planned.epochs, drawn.epochs[language], 1.0 + kRowError / rows_an_epoch);
        EXPECT_NEAR(planned.share * 3000 * 16, planned.rows, 1e-6);  // a rounding of 48,000
        shares += planned.share;
    }
    EXPECT_NEAR(shares, 1.0, 1e-9);  // quotas of 2^-36
}

TEST(MixturePlanTest, PlansAreWhatIsDrawn) {
    test::TemporaryFolder const folder;
    write_planned_corpus(folder.path());
    Corpus const corpus(folder.path());
    auto run = planned_run();
    expect_plan(run, corpus, {});
    run.data.temperature = 3.0;
    expect_plan(run, corpus, {});
    run.data.languages = {"hu", "yi"};
    run.data.replay_languages = {"de", "el"};
    run.data.replay_share = 0.25;
    expect_plan(run, corpus, {});
    run = planned_run();
    run.data.weights = {"yi=1", "el=2"};
    run.data.languages = {"el", "yi"};
    expect_plan(run, corpus, {});
}

TEST(MixturePlanTest, PlansOfGroupChunksAreWhatIsDrawn) {
    test::TemporaryFolder const folder;
    write_planned_corpus(folder.path());
    Corpus const corpus(folder.path());
    ModelConfig model;
    model.layers.resize(1);
    model.layers[0].experts.resize(3);
    model.layers[0].experts[1].group = "yi,de";
    model.layers[0].experts[2].group = "el,hu";
    auto run = planned_run();
    run.data.order = OrderRule::group_chunks;
    run.data.chunk_rows = 16;
    expect_plan(run, corpus, model);
    EXPECT_EQ(mixture_rule(run.data), "group chunks, bytes^0.3 within");
}

// 48,000 rows, a quarter of 801 + 401 tokens: de 401 / 1202 of 12,000 rows of 16 tokens.
TEST(MixturePlanTest, ReplayedLanguagesAreMarkedAndCounted) {
    test::TemporaryFolder const folder;
    write_planned_corpus(folder.path());
    Corpus const corpus(folder.path());
    auto run = planned_run();
    run.data.languages = {"hu"};
    run.data.replay_languages = {"el", "de"};
    run.data.replay_share = 0.25;
    auto const plan = plan_mixture(run, corpus, make_order(run, corpus, {}));
    ASSERT_EQ(plan.size(), 3U);  // in the order of the corpus
    EXPECT_EQ(plan[0].tag, "de");
    EXPECT_TRUE(plan[0].replayed);
    EXPECT_NEAR(plan[0].rows, 12000.0 * 401 / 1202, 1e-5);  // 48,000 rows by shares of 2^-36
    EXPECT_NEAR(plan[0].tokens, 16 * plan[0].rows, 1e-6);
    EXPECT_NEAR(plan[0].epochs, 16 * plan[0].rows / 401, 1e-6);
    EXPECT_FALSE(plan[2].replayed);
    EXPECT_NEAR(plan[2].share, 0.75, 1e-9);
}

TEST(MixturePlanTest, SummaryNamesTheEndsAndWhatIsReadOften) {
    std::vector<PlannedLanguage> plan(3);
    plan[0] = {.tag = "en", .share = 0.7, .epochs = 0.5};
    plan[1] = {.tag = "yi", .share = 0.1, .epochs = 12.25};
    plan[2] = {.tag = "el", .share = 0.2, .epochs = 4.5};
    EXPECT_EQ(
        mixture_summary(plan),
        "3 languages: 10.00 % of the rows (yi) to 70.00 % (en); at most 12.25 epochs (yi)"
    );
    auto const often = often_read(plan);
    ASSERT_EQ(often.size(), 2U);
    EXPECT_EQ(often[0].tag, "yi");
    EXPECT_EQ(often[1].tag, "el");
    DataConfig data;
    EXPECT_EQ(mixture_rule(data), "tokens^(1/1)");
    data.unimax = 4.0;
    EXPECT_EQ(mixture_rule(data), "UniMax, at most 4 epochs");
    data.weights = {"el=1"};
    EXPECT_EQ(mixture_rule(data), "given weights");
}

}  // namespace
}  // namespace isogloss

// train/language_labels_test.cpp - which languages are old, whose expert is whose, and what counts.
#include "train/language_labels.h"

#include <gtest/gtest.h>

#include "corpus/loader.h"
#include "support/byte_corpus.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "train/data_order.h"

namespace isogloss {
namespace {

using test::expect_error;
using Numbers = std::vector<std::int32_t>;
using Tags = std::vector<std::string>;

// Streams of 401, 801, 1601 and 12 tokens.
void write_labelled_corpus(std::filesystem::path const& folder) {
    auto const text = [](std::size_t length) { return test::periodic_text("abc", length); };
    test::write_byte_corpus(
        folder, {{"de", {text(400)}, {}},
                 {"el", {text(800)}, {}},
                 {"en", {text(1600)}, {}},
                 {"yi", {text(11)}, {}}}
    );
}

// en and de first; el and hu came with expert 1, yi with expert 2.
ModelConfig labelled_model() {
    ModelConfig model;
    model.layers.resize(2);
    model.layers[1].experts.resize(3);
    model.layers[1].experts[1] = {.generation = 1, .parent = 0, .group = "el,hu"};
    model.layers[1].experts[2] = {.generation = 2, .parent = 0, .group = "yi"};
    model.layers[1].classifier.classes = 2;
    return model;
}

CheckpointInfo grown_info() {
    CheckpointInfo info;
    info.languages = {"en", "de", "el", "hu"};
    return info;
}

RunConfig labelled_run() {
    RunConfig run;
    run.train.rows = 12;
    run.train.micro_rows = 4;
    run.train.row_length = 16;
    return run;
}

class LanguageLabelsTest : public testing::Test {
protected:
    LanguageLabelsTest() : corpus_((write_labelled_corpus(folder_.path()), folder_.path())) {}
    LanguageLabels labels(RunConfig const& run) const {
        return label_languages(run, corpus_, model_, info_);
    }

    test::TemporaryFolder folder_;
    Corpus corpus_;
    ModelConfig model_ = labelled_model();
    CheckpointInfo info_ = grown_info();
};

TEST_F(LanguageLabelsTest, OldAreTheLanguagesOfTheFirstModel) {
    EXPECT_EQ(old_languages({}, model_, info_), (Tags{"en", "de"}));
    DataConfig data;
    data.old_languages = {"el"};
    EXPECT_EQ(old_languages(data, model_, info_), Tags{"el"});
    EXPECT_EQ(labels(labelled_run()).is_old, (Numbers{1, 0, 1, 0}));
}

// The checkpoints of a run name its languages; old ones must not change by that.
TEST_F(LanguageLabelsTest, OldAreTheSameWhenARunGoesOn) {
    auto run = labelled_run();
    run.data.languages = {"yi", "en"};
    run.train.priors_coef = 0.1;
    auto const before = labels(run);
    info_.languages.emplace_back("yi");
    EXPECT_EQ(labels(run).is_old, before.is_old);
    info_.languages = {"de"};
    expect_error(Exit::usage, "language en is neither", [&] { labels(run); });
    run.data.old_languages = {"en"};
    EXPECT_EQ(labels(run).is_old, (Numbers{0, 0, 1, 0}));
}

TEST_F(LanguageLabelsTest, HardRoutingTakesTheExpertOfTheGroup) {
    auto run = labelled_run();
    run.data.languages = {"yi", "el"};
    EXPECT_EQ(labels(run).expert, (Numbers{-1, -1, -1, -1}));  // nobody asks
    run.train.routing = RoutingMode::hard;
    EXPECT_EQ(labels(run).expert, (Numbers{-1, 1, -1, 2}));
    run.train.routing = RoutingMode::top_k;
    run.train.classification_coef = 1.28;
    EXPECT_EQ(labels(run).expert, (Numbers{-1, 1, -1, 2}));
    run.data.languages = {"de"};
    expect_error(Exit::usage, "de", [&] { labels(run); });
}

TEST_F(LanguageLabelsTest, WhatTheModelCannotDoIsRefused) {
    auto run = labelled_run();
    model_.layers.resize(1);  // dense, and without a classifier
    run.train.routing = RoutingMode::hard;
    expect_error(Exit::usage, "train.routing = hard: no layer", [&] { labels(run); });
    run.train.routing = RoutingMode::top_k;
    run.train.priors_coef = 0.1;
    expect_error(Exit::usage, "train.priors-coef = 0.1: no layer", [&] { labels(run); });
    run.train.priors_coef = 0.0;
    run.train.classifier_coef = 0.2;
    expect_error(Exit::usage, "train.classifier-coef = 0.2: no layer", [&] { labels(run); });
    run.train.classifier_coef = 0.0;
    EXPECT_EQ(labels(run).is_old.size(), 4U);
}

TEST_F(LanguageLabelsTest, PriorsAndClassifiersNeedTheirLanguages) {
    auto run = labelled_run();
    run.data.languages = {"el", "yi"};
    run.train.priors_coef = 0.1;
    expect_error(Exit::usage, "(en, de)", [&] { labels(run); });
    run.data.replay_languages = {"en"};
    run.data.replay_share = 0.5;
    EXPECT_EQ(labels(run).is_old, (Numbers{1, 0, 1, 0}));
    run.data = {};
    run.data.languages = {"en", "de"};
    EXPECT_EQ(labels(run).is_old, (Numbers{1, 0, 1, 0}));  // priors want no new ones
    run.train.priors_coef = 0.0;
    run.train.classifier_coef = 0.1;
    expect_error(Exit::usage, "a classifier needs new ones", [&] { labels(run); });
    run.data.old_languages = {"xx"};
    expect_error(Exit::usage, "\"xx\"", [&] { labels(run); });
}

// Counts by reading every row of a step. yi's rows have 11 targets, the others 16.
TEST_F(LanguageLabelsTest, CountsAreThoseOfTheStepsRows) {
    auto run = labelled_run();
    run.data.languages = {"en", "el", "yi"};
    run.data.weights = {"1", "1", "1"};
    auto const order = make_order(run, corpus_, model_);
    LanguageLabels const labels{{-1, 1, -1, 2}, {1, 0, 1, 0}};
    double all_old = 0.0;
    for (std::int64_t step = 0; step < 10; ++step) {
        double counted = 0.0;
        double labelled = 0.0;
        double old = 0.0;
        for (std::int64_t row = 0; row < 12; ++row) {
            auto const batch = read_rows(corpus_, order, step, std::vector{row});
            for (std::int64_t n = 0; n < batch.size(); ++n) {
                bool const counts = batch.targets.data()[n] != kNoTarget;
                counted += counts ? 1.0 : 0.0;
                labelled += counts && batch.language[0] != 2 ? 1.0 : 0.0;
                old += counts && batch.language[0] == 2 ? 1.0 : 0.0;
            }
        }
        auto const options = step_options(run.train, order, labels, step);
        EXPECT_EQ(options.counted_targets, counted);
        EXPECT_EQ(options.labelled_targets, labelled);
        EXPECT_EQ(options.old_targets, old);
        EXPECT_EQ(options.rows, 12.0);
        all_old += old;
    }
    EXPECT_GT(all_old, 0.0);
}

TEST_F(LanguageLabelsTest, CoefficientsReachThePass) {
    auto run = labelled_run();
    run.train.balance_coef = 0.03;
    run.train.balance_scale = BalanceScale::top_k;
    run.train.classification_coef = 1.28;
    run.train.priors_coef = 0.1;
    run.train.priors_form = PriorsForm::released;
    run.train.priors_mean = PriorsMean::buckets;
    run.train.classifier_coef = 0.2;
    auto const order = make_order(run, corpus_, model_);
    LanguageLabels const labels{Numbers(4, -1), Numbers(4, 0)};
    auto const losses = step_options(run.train, order, labels, 0).losses;
    RouterLossWeights const expected{
        .balance = 0.03 / 3,  // a third a slice, of three
        .balance_scale = BalanceScale::top_k,
        .classification = 1.28,
        .priors = 0.1,
        .priors_form = PriorsForm::released,
        .priors_mean = PriorsMean::buckets,
        .classifier = 0.2};
    EXPECT_EQ(losses, expected);
    run.train.routing = RoutingMode::hard;  // nothing to balance where nobody chooses
    EXPECT_EQ(step_options(run.train, order, labels, 0).losses.balance, 0.0);
}

TEST_F(LanguageLabelsTest, RowsCarryTheLabelsOfTheirLanguage) {
    auto run = labelled_run();
    run.train.routing = RoutingMode::hard;
    run.train.class_one_experts = ClassOneExperts::older;
    auto batch = make_batch(3, 2);
    batch.language = {3, 0, 1};
    auto const routing = routing_of(run.train, {{-1, 1, -1, 2}, {1, 0, 1, 0}}, batch);
    EXPECT_EQ(routing.mode, RoutingMode::hard);
    EXPECT_FALSE(routing.classify);
    EXPECT_EQ(routing.class_one, ClassOneExperts::older);
    EXPECT_EQ(routing.rows.expert, (Numbers{2, -1, 1}));
    EXPECT_EQ(routing.rows.is_old, (Numbers{0, 1, 0}));
}

}  // namespace
}  // namespace isogloss

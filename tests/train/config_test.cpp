// train/config_test.cpp - every rule of a run, and what may change in a model.
#include "train/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

bool has_fault(std::vector<std::string> const& faults, std::string const& part) {
    return std::ranges::any_of(faults, [&](std::string const& fault) {
        return fault.find(part) != std::string::npos;
    });
}

TEST(TrainConfigTest, SlicesHoldMicroRowsOrAllRows) {
    TrainConfig train;
    train.rows = 12;
    train.micro_rows = 4;
    EXPECT_EQ(train.slice_rows(), 4);
    EXPECT_EQ(train.num_slices(), 3);
    train.micro_rows = 0;
    EXPECT_EQ(train.slice_rows(), 12);
    EXPECT_EQ(train.num_slices(), 1);
}

TEST(TrainConfigTest, TheDefaultsBreakNoRule) {
    EXPECT_TRUE(problems(RunConfig{}, 1).empty());
    EXPECT_TRUE(problems(RunConfig{}, 32).empty());
}

TEST(TrainConfigTest, AllFaultsAreNamedAtOnce) {
    RunConfig run;
    run.data.weights = {"1", "-2"};
    run.data.languages = {"el"};
    run.data.temperature = 0.0;
    run.data.replay_share = 1.0;
    run.data.alpha = 1.5;
    run.data.unimax = 0.0;
    run.data.documents = -1;
    run.train.steps = 0;
    run.train.rows = 10;
    run.train.micro_rows = 3;
    run.train.row_length = 0;
    run.train.seed = -1;
    run.train.learning_rate = 0.0F;
    run.train.min_learning_rate = 1.5F;
    run.train.warmup_steps = -1;
    run.train.beta1 = 1.0F;
    run.train.beta2 = -0.1F;
    run.train.epsilon = 0.0F;
    run.train.weight_decay = -1.0F;
    run.train.clip_norm = -1.0F;
    run.train.balance_coef = -1.0;
    run.train.classification_coef = -1.0;
    run.train.priors_coef = -1.0;
    run.train.classifier_coef = std::nan("");
    run.train.warmup_ratio = 2.0;
    run.train.max_not_finite = 0;
    run.train.evaluate_tokens = -1;
    run.train.log_every = 0;
    auto const faults = problems(run, 4);
    for (auto const* part :
         {"data.weights has 2 numbers for 1",
          "every weight must be > 0",
          "data.temperature = 0",
          "data.replay-share = 1",
          "without data.replay-languages",
          "data.alpha = 1.5: must lie",
          "data.unimax = 0: epochs must be",
          "data.alpha = 1.5 and data.unimax = 0 and data.temperature = 0 and data.weights: give "
          "one",
          "data.documents = -1",
          "train.steps = 0",
          "train.micro-rows = 3: must divide train.rows = 10",
          "fewer than the 4 ranks",
          "train.row-length = 0",
          "train.seed = -1",
          "train.learning-rate = 0",
          "train.min-learning-rate = 1.5",
          "train.warmup-steps = -1",
          "train.beta1 = 1",
          "train.beta2 = -0.1",
          "train.epsilon = 0",
          "train.weight-decay = -1",
          "train.clip-norm = -1",
          "train.balance-coef = -1",
          "train.classification-coef = -1",
          "train.priors-coef = -1",
          "train.classifier-coef = nan",
          "train.warmup-ratio = 2",
          "train.max-not-finite = 0",
          "train.evaluate-tokens",
          "train.log-every = 0"}) {
        EXPECT_TRUE(has_fault(faults, part)) << part;
    }
    EXPECT_EQ(faults.size(), 30U);
}

TEST(TrainConfigTest, ALanguageIsLearnedOrReplayed) {
    RunConfig run;
    run.data.languages = {"el", "hu"};
    run.data.replay_languages = {"hu"};
    run.data.replay_share = 0.5;
    auto const faults = problems(run, 1);
    ASSERT_EQ(faults.size(), 1U);
    EXPECT_TRUE(has_fault(faults, "hu is among data.languages"));
}

TEST(TrainConfigTest, ReplayNeedsAShareOrACountOfDocuments) {
    RunConfig run;
    run.data.replay_languages = {"en"};
    EXPECT_TRUE(has_fault(problems(run, 1), "give data.replay-share or data.replay-documents"));
    run.data.replay_documents = 50000;
    EXPECT_TRUE(problems(run, 1).empty());
    run.data.languages = {"el"};
    run.data.weights = {"el=1"};
    EXPECT_TRUE(has_fault(problems(run, 1), "data.weights says nothing of the replay languages"));
    run.data.replay_share = 0.5;
    EXPECT_TRUE(problems(run, 1).empty());
    run.data.replay_languages.clear();
    EXPECT_TRUE(has_fault(problems(run, 1), "without data.replay-languages"));
}

TEST(TrainConfigTest, OneRuleMakesTheShares) {
    RunConfig run;
    run.data.unimax = 4.0;
    EXPECT_TRUE(problems(run, 1).empty());
    run.data.temperature = 5.0;
    EXPECT_TRUE(has_fault(problems(run, 1), "data.unimax = 4 and data.temperature = 5: give one"));
    run.data.temperature = 1.0;
    run.data.languages = {"el", "hu"};
    run.data.weights = {"el=1", "hu=2"};
    EXPECT_TRUE(has_fault(problems(run, 1), "data.unimax = 4 and data.weights: give one"));
    run.data.replay_languages = {"en"};  // whose shares among themselves the weights do not say
    run.data.replay_share = 0.5;
    EXPECT_TRUE(problems(run, 1).empty());
    run.data.alpha = 0.3;
    EXPECT_TRUE(has_fault(problems(run, 1), "data.alpha = 0.3 and data.unimax = 4: give one"));
    run = {};
    run.data.order = OrderRule::group_chunks;
    run.data.unimax = 4.0;
    EXPECT_TRUE(
        has_fault(problems(run, 1), "group-chunks takes no data.replay-languages, data.weights")
    );
}

TEST(TrainConfigTest, AMicroBatchOfGroupChunksIsOfOneGroup) {
    RunConfig run;
    run.data.order = OrderRule::group_chunks;
    run.train.rows = 960;
    run.train.micro_rows = 32;
    EXPECT_TRUE(problems(run, 8).empty());  // two micro-batches a chunk of 64: DMoE's
    run.train.micro_rows = 48;
    EXPECT_TRUE(has_fault(problems(run, 8), "data.chunk-rows = 64 is no multiple of the 48 rows"));
    run.train.micro_rows = 0;
    EXPECT_TRUE(has_fault(problems(run, 8), "data.chunk-rows = 64 is no multiple of the 960 rows"));
    run.data.chunk_rows = 1920;
    EXPECT_TRUE(problems(run, 8).empty());
    run.data.chunk_rows = 0;
    EXPECT_TRUE(has_fault(problems(run, 8), "data.chunk-rows = 0"));
    run.data.chunk_rows = 960;
    run.data.group_budget = -1;
    EXPECT_TRUE(has_fault(problems(run, 8), "data.group-budget = -1"));
    run.data.group_budget = 0;
    run.data.replay_languages = {"en"};
    run.data.replay_share = 0.1;
    EXPECT_TRUE(has_fault(problems(run, 8), "group-chunks takes no data.replay-languages"));
}

TEST(TrainConfigTest, ClassifiersAreAskedWhereTheyLearn) {
    RunConfig run;
    EXPECT_FALSE(run.train.classify());
    run.train.classifier_coef = 0.1;
    EXPECT_TRUE(run.train.classify());
    run.train.classifiers = Classifiers::off;
    EXPECT_FALSE(run.train.classify());
    EXPECT_TRUE(
        has_fault(problems(run, 1), "train.classifier-coef = 0.1 with train.classifiers = off")
    );
    run.train.classifier_coef = 0.0;
    run.train.classifiers = Classifiers::on;
    EXPECT_TRUE(run.train.classify());
    EXPECT_TRUE(problems(run, 1).empty());
    run.train.routing = RoutingMode::hard;
    EXPECT_TRUE(has_fault(problems(run, 1), "train.routing = hard asks no classifier"));
}

// The seeds: 0.03 of 150, 1500 and 100 steps are 5, 45 and 3, rounded up.
TEST(TrainConfigTest, TheWarmupMayBeAShareOfTheSteps) {
    TrainConfig train;
    EXPECT_EQ(train.warmup(), 20);
    train.warmup_ratio = 0.03;
    train.steps = 150;
    EXPECT_EQ(train.warmup(), 5);
    train.steps = 1500;
    EXPECT_EQ(train.warmup(), 45);
    train.steps = 100;
    EXPECT_EQ(train.warmup(), 3);
}

TEST(TrainConfigTest, EveryRankNeedsARow) {
    RunConfig run;
    run.train.rows = 3;
    EXPECT_TRUE(problems(run, 3).empty());
    EXPECT_TRUE(has_fault(problems(run, 4), "train.rows = 3: fewer than the 4 ranks"));
    run.train.rows = 32;
    run.train.micro_rows = 2;
    EXPECT_TRUE(has_fault(problems(run, 4), "train.micro-rows = 2: fewer than the 4 ranks"));
}

TEST(TrainConfigTest, OptionsReadBackAsTheyWereWritten) {
    RunConfig run;
    Options options("train", "Trains.");
    describe(options, run);
    std::vector<std::string> const words{
        "--run.out=o",
        "--run.from=f",
        "--data.corpus=c",
        "--train.rows=7",
        "--train.schedule=linear",
        "--train.trainable=routers",
        "--data.languages=a,b",
        "--data.weights=1,2.5",
        "--train.learning-rate=0.003"};
    ASSERT_EQ(options.parse(words), Parsed::run);
    EXPECT_EQ(run.train.rows, 7);
    EXPECT_EQ(run.train.schedule, Decay::linear);
    EXPECT_EQ(run.train.trainable, "routers");
    EXPECT_EQ(run.data.languages, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(run.data.weights, (std::vector<std::string>{"1", "2.5"}));
    EXPECT_EQ(run.train.learning_rate, 0.003F);
}

std::string parse_weights(std::vector<std::string> words, RunConfig& run) {
    Options options("train", "Trains.");
    describe(options, run, Presence::optional);
    options.add_check([&] { return problems(run, 1); });
    EXPECT_EQ(options.parse(words), Parsed::run);
    return options.resolved();
}

// A saved config must not depend on a file that may change.
TEST(TrainConfigTest, AFileOfWeightsIsReadIntoTheConfig) {
    test::TemporaryFolder const folder;
    test::write_content(
        folder / "mix.tsv", "# shares\nel\t0.5   # Greek\n\nsr-Latn = 2\nhu 1e-3\n"
    );
    RunConfig run;
    auto const text = parse_weights({"--data.weights=@" + (folder / "mix.tsv").string()}, run);
    EXPECT_EQ(run.data.weights, (std::vector<std::string>{"el=0.5", "sr-Latn=2", "hu=1e-3"}));
    EXPECT_EQ(run.data.languages, (std::vector<std::string>{"el", "sr-Latn", "hu"}));
    test::write_content(folder / "again.cfg", text);
    RunConfig again;
    parse_weights({"--config=" + (folder / "again.cfg").string()}, again);
    EXPECT_EQ(again.data.weights, run.data.weights);
    EXPECT_EQ(again.data.languages, run.data.languages);

    for (auto const* content : {"el 0.5 1\n", "el\n", "", "# none\n"}) {
        test::write_content(folder / "bad.tsv", content);
        RunConfig bad;
        test::expect_error(Exit::usage, "bad.tsv", [&] {
            parse_weights({"--data.weights=@" + (folder / "bad.tsv").string()}, bad);
        });
    }
    RunConfig none;
    test::expect_error(Exit::usage, "missing.tsv cannot be read", [&] {
        parse_weights({"--data.weights=@missing.tsv"}, none);
    });
}

// Layers of one old expert, and of an old and a new one, as growth leaves them.
ModelConfig grown() {
    ModelConfig config;
    config.backbone_trainable = false;
    config.routers_trainable = true;
    config.layers.resize(2);
    config.layers[0].experts[0].trainable = false;
    config.layers[1].experts.resize(2);
    config.layers[1].experts[0].trainable = false;
    config.layers[1].experts[1].generation = 1;
    return config;
}

struct Flags {
    bool backbone;
    bool routers;
    bool old_expert;
    bool new_expert;
    bool operator==(Flags const&) const = default;
};
std::ostream& operator<<(std::ostream& out, Flags const& flags) {
    return out << flags.backbone << flags.routers << flags.old_expert << flags.new_expert;
}

Flags after_rule(std::string const& rule) {
    auto config = grown();
    apply_trainable(rule, config);
    EXPECT_EQ(config.layers[0].experts[0].trainable, config.layers[1].experts[0].trainable);
    return {
        config.backbone_trainable, config.routers_trainable, config.layers[1].experts[0].trainable,
        config.layers[1].experts[1].trainable};
}

// Growth in two steps: what the first one added is old then.
TEST(TrainConfigTest, NewExpertsAreThoseOfTheLastGeneration) {
    auto config = grown();
    config.layers[0].experts.resize(2);
    config.layers[0].experts[1].generation = 2;
    apply_trainable("new-experts", config);
    EXPECT_FALSE(config.layers[1].experts[1].trainable);
    EXPECT_TRUE(config.layers[0].experts[1].trainable);
}

TEST(TrainConfigTest, TrainableSaysWhatMayChange) {
    EXPECT_EQ(after_rule("stored"), (Flags{false, true, false, true}));
    EXPECT_EQ(after_rule("all"), (Flags{true, true, true, true}));
    EXPECT_EQ(after_rule("experts"), (Flags{false, true, false, true}));  // those not frozen
    EXPECT_EQ(after_rule("new-experts"), (Flags{false, true, false, true}));
    EXPECT_EQ(after_rule("experts-and-routers"), (Flags{false, true, true, true}));
    EXPECT_EQ(after_rule("routers"), (Flags{false, true, false, false}));
    EXPECT_EQ(after_rule("backbone"), (Flags{true, false, false, false}));
    auto config = grown();
    config.layers[1].experts[1].generation = 0;
    test::expect_error(Exit::usage, "no experts of a later generation", [&] {
        apply_trainable("new-experts", config);
    });
    test::expect_error(Exit::usage, "train.trainable = some", [&] {
        apply_trainable("some", config);
    });
}

}  // namespace
}  // namespace isogloss

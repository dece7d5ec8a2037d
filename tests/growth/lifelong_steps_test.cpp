// growth/lifelong_steps_test.cpp - recipes as commands, by hand from the papers' procedures.
#include "growth/lifelong_steps.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/temporary_folder.h"

namespace isogloss {
namespace {

constexpr char const* kPlan = R"({
    "corpus": "/corpus", "out": "/out", "model": {"model.width": 32},
    "defaults": {"train.steps": 20, "train.row-length": 64, "data.replay-share": 0.5},
    "stages": [
        {"name": "base", "languages": ["en", "zh"], "recipe": "dmoe", "dense": {"train.steps": 9},
         "probe": {"steps": 10}, "cluster": {"groups": 2}},
        {"name": "g1", "languages": ["el", "hu"], "recipe": "layermoe", "allocate": {"budget": 9},
         "experts": {"train.balance-scale": "top-k", "train.trainable": "experts"},
         "classify": {"classifiers": "top:2"}, "review": {"train.steps": 7}},
        {"name": "g2", "languages": ["hi"], "recipe": "moe-lpr", "expand": {"experts": 3},
         "old": "all-earlier"},
        {"name": "g3", "languages": ["be", "sr"], "recipe": "dmoe"},
        {"name": "g4", "languages": ["bn"], "expand": {"experts": [1, 2]}}
    ]})";

LifelongPlan lifelong_plan(std::string const& text = kPlan) {
    test::TemporaryFolder const folder;
    test::write_content(folder / "plan.json", text);
    return read_lifelong_plan(folder / "plan.json");
}

std::vector<std::string> names(std::vector<LifelongStep> const& steps) {
    std::vector<std::string> found;
    for (auto const& step : steps) {
        found.push_back(step.name);
    }
    return found;
}

LifelongStep step_of(std::vector<LifelongStep> const& steps, std::string const& name) {
    auto const found = std::ranges::find(steps, name, &LifelongStep::name);
    EXPECT_NE(found, steps.end()) << name;
    return found == steps.end() ? LifelongStep() : *found;
}

// The value of the last `--NAME=...`, or "(none)".
std::string value_of(LifelongStep const& step, std::string const& name) {
    std::string value = "(none)";
    for (auto const& word : step.words) {
        if (word.starts_with("--" + name + "=")) {
            EXPECT_EQ(value, "(none)") << name << " is given twice";
            value = word.substr(name.size() + 3);
        }
    }
    return value;
}

std::vector<LifelongStep> steps(std::size_t stage) {
    return stage_steps(lifelong_plan(), stage, planned_checkpoint);
}

using Names = std::vector<std::string>;

TEST(LifelongStepsTest, ADmoeBaseIsProbedUpcycledAndTrainedHardThenSoft) {
    auto const all = steps(0);
    EXPECT_EQ(
        names(all),
        (Names{
            "create", "dense", "probe", "layers", "cluster", "upcycle", "hard", "soft", "evaluate"})
    );
    EXPECT_EQ(step_of(all, "probe").words[0], "/out/base/run-dense/checkpoints/step-00000009");
    EXPECT_EQ(value_of(step_of(all, "layers"), "deviation"), "/out/base/probe/deviation.json");
    EXPECT_EQ(value_of(step_of(all, "layers"), "threshold"), "(none)");  // its own default
    EXPECT_EQ(value_of(step_of(all, "cluster"), "groups"), "2");
    EXPECT_EQ(step_of(all, "upcycle").words[0], "/out/base/run-dense/checkpoints/step-00000009");
    auto const hard = step_of(all, "hard");
    EXPECT_EQ(value_of(hard, "run.from"), "/out/base/upcycled");
    EXPECT_EQ(value_of(hard, "train.routing"), "hard");
    EXPECT_EQ(value_of(hard, "train.classification-coef"), "1.28");
    EXPECT_EQ(value_of(hard, "train.trainable"), "all");
    auto const soft = step_of(all, "soft");
    EXPECT_EQ(value_of(soft, "run.from"), "/out/base/run-hard/checkpoints/step-00000020");
    EXPECT_EQ(value_of(soft, "train.routing"), "(none)");
    EXPECT_EQ(value_of(soft, "train.steps"), "20");
    EXPECT_EQ(all.back().words[0], "/out/base/run-soft/checkpoints/step-00000020");
    EXPECT_EQ(value_of(all.back(), "languages"), "en,zh,el,hu,hi,be,sr,bn");
    EXPECT_EQ(value_of(all.back(), "row-length"), "64");
}

TEST(LifelongStepsTest, LayerMoeMeasuresAllocatesTrainsExpertsThenReviews) {
    auto const all = steps(1);
    EXPECT_EQ(
        names(all),
        (Names{"similarity", "allocate", "expand", "experts", "classify", "review", "evaluate"})
    );
    auto const similarity = step_of(all, "similarity");
    EXPECT_EQ(similarity.words[0], "/out/base/run-soft/checkpoints/step-00000020");
    EXPECT_EQ(value_of(similarity, "new"), "el,hu");
    EXPECT_EQ(value_of(similarity, "old"), "en,zh");
    EXPECT_EQ(value_of(step_of(all, "allocate"), "budget"), "9");
    auto const expand = step_of(all, "expand");
    EXPECT_EQ(value_of(expand, "allocation"), "/out/g1/allocate.json");
    EXPECT_EQ(value_of(expand, "router"), "fresh");
    EXPECT_EQ(value_of(expand, "languages"), "el,hu");
    EXPECT_EQ(expand.from, "/out/base/run-soft/checkpoints/step-00000020");
    auto const experts = step_of(all, "experts");
    EXPECT_EQ(value_of(experts, "data.languages"), "el,hu");
    EXPECT_EQ(value_of(experts, "data.replay-languages"), "(none)");
    EXPECT_EQ(value_of(experts, "data.replay-share"), "(none)");
    EXPECT_EQ(value_of(experts, "train.balance-coef"), "0.01");
    EXPECT_EQ(value_of(experts, "train.classifiers"), "off");
    EXPECT_EQ(value_of(experts, "train.balance-scale"), "top-k");
    EXPECT_EQ(value_of(experts, "train.trainable"), "experts");  // the plan over the recipe
    auto const classify = step_of(all, "classify");
    EXPECT_EQ(value_of(classify, "from"), "/out/g1/run-experts/checkpoints/step-00000020");
    EXPECT_EQ(value_of(classify, "similarity"), "/out/g1/similarity.json");
    EXPECT_EQ(value_of(classify, "languages"), "(none)");
    auto const review = step_of(all, "review");
    EXPECT_EQ(value_of(review, "run.from"), "/out/g1/classified");
    EXPECT_EQ(value_of(review, "data.languages"), "el,hu");
    EXPECT_EQ(value_of(review, "data.replay-languages"), "en,zh");
    EXPECT_EQ(value_of(review, "data.documents"), "100000");
    EXPECT_EQ(value_of(review, "data.replay-documents"), "50000");
    EXPECT_EQ(value_of(review, "data.old-languages"), "en,zh");
    EXPECT_EQ(value_of(review, "train.trainable"), "routers");
    EXPECT_EQ(value_of(review, "train.balance-coef"), "0");
    EXPECT_EQ(value_of(review, "train.priors-coef"), "0.1");
    EXPECT_EQ(value_of(review, "train.priors-mean"), "buckets");
    EXPECT_EQ(value_of(review, "train.classifier-coef"), "0.1");
    EXPECT_EQ(all.back().words[0], "/out/g1/run-review/checkpoints/step-00000007");
}

TEST(LifelongStepsTest, MoeLprReviewsWithoutClassifiersAndReplaysTheBase) {
    auto const all = steps(2);
    EXPECT_EQ(names(all), (Names{"expand", "experts", "review", "evaluate"}));
    EXPECT_EQ(value_of(step_of(all, "expand"), "experts"), "3");
    EXPECT_EQ(value_of(step_of(all, "expand"), "allocation"), "(none)");
    auto const review = step_of(all, "review");
    EXPECT_EQ(value_of(review, "data.languages"), "hi,el,hu");
    EXPECT_EQ(value_of(review, "data.replay-languages"), "en,zh");
    EXPECT_EQ(value_of(review, "data.old-languages"), "en,zh,el,hu");  // as the stage asks
    EXPECT_EQ(value_of(review, "train.priors-mean"), "tokens");
    EXPECT_EQ(value_of(review, "train.classifier-coef"), "(none)");
}

TEST(LifelongStepsTest, DmoeScansCopiesTheBestAndAdapts) {
    auto const all = steps(3);
    EXPECT_EQ(names(all), (Names{"scan", "expand", "adapt", "evaluate"}));
    EXPECT_EQ(value_of(step_of(all, "scan"), "languages"), "be,sr");
    auto const expand = step_of(all, "expand");
    EXPECT_EQ(value_of(expand, "source-from"), "/out/g3/scan.json");
    EXPECT_EQ(value_of(expand, "router"), "copy-row");
    EXPECT_EQ(value_of(expand, "experts"), "1");
    auto const adapt = step_of(all, "adapt");
    EXPECT_EQ(value_of(adapt, "data.languages"), "be,sr");
    EXPECT_EQ(value_of(adapt, "data.replay-languages"), "(none)");  // no replay, as released
    EXPECT_EQ(value_of(adapt, "train.routing"), "hard");
    EXPECT_EQ(value_of(adapt, "train.trainable"), "new-experts");
}

TEST(LifelongStepsTest, APlainStageTrainsWithReplay) {
    auto const all = steps(4);
    EXPECT_EQ(names(all), (Names{"expand", "train", "evaluate"}));
    EXPECT_EQ(value_of(step_of(all, "expand"), "experts"), "1,2");
    EXPECT_EQ(value_of(step_of(all, "expand"), "router"), "keep");
    auto const train = step_of(all, "train");
    EXPECT_EQ(value_of(train, "run.out"), "/out/g4/run");
    EXPECT_EQ(value_of(train, "data.replay-share"), "0.5");
    EXPECT_EQ(value_of(train, "data.replay-languages"), "en,zh,el,hu,hi,be,sr");
}

TEST(LifelongStepsTest, ReleasedClassifiersDecideWhileExpertsTrain) {
    auto plan = lifelong_plan();
    plan.stages[1].earlier_classifiers = EarlierClassifiers::released;
    auto const experts = step_of(stage_steps(plan, 1, planned_checkpoint), "experts");
    EXPECT_EQ(value_of(experts, "train.classifiers"), "on");
    EXPECT_EQ(value_of(experts, "train.class-one-experts"), "old");
}

TEST(LifelongStepsTest, AGivenBaseIsOnlyScored) {
    auto const plan = lifelong_plan(R"({"corpus": "/c", "out": "/o", "from": "/base",
        "stages": [{"name": "b", "languages": ["en"], "recipe": "given"},
                   {"name": "n", "languages": ["el"], "expand": {"experts": 1}}]})");
    EXPECT_EQ(names(stage_steps(plan, 0, planned_checkpoint)), Names{"evaluate"});
    EXPECT_EQ(final_model(plan, 0, planned_checkpoint), "/base");
    auto const later = stage_steps(plan, 1, planned_checkpoint);
    EXPECT_EQ(value_of(step_of(later, "expand"), "from"), "/base");
    EXPECT_EQ(final_model(plan, 1, planned_checkpoint), "/o/n/run/checkpoints/step-00001000");
}

}  // namespace
}  // namespace isogloss

// growth/lifelong_plan_test.cpp - a plan as it is meant, and every fault of one that is not.
#include "growth/lifelong_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

constexpr char const* kGood = R"(
// Plans are written by people, who explain themselves.
{
    "corpus": "../corpus", "out": "run",
    "model": {"model.width": 32, "model.experts": [1, 2], "model.tied-embeddings": true},
    "defaults": {"train.steps": 20, "train.rows": 8},
    "stages": [
        {"name": "base", "languages": ["en", "zh"]},
        {"name": "el-hu", "languages": ["el", "hu"], "expand": {"experts": [2, 1]},
         "options": {"train.steps": 5, "data.replay-share": 0.25}},
        {"name": "hi", "languages": ["hi"], "expand": {"experts": [1], "router": "fresh"}}
    ]
})";

std::string setting_of(std::vector<Setting> const& settings, std::string const& name) {
    auto const found = std::ranges::find(settings, name, &Setting::name);
    return found == settings.end() ? "(none)" : found->value;
}

LifelongPlan read(test::TemporaryFolder const& folder, std::string const& text) {
    test::write_content(folder / "plan.json", text);
    return read_lifelong_plan(folder / "plan.json");
}

TEST(LifelongPlanTest, EveryPartIsRead) {
    test::TemporaryFolder const folder;
    auto const plan = read(folder, kGood);
    EXPECT_EQ(plan.corpus, folder.path().parent_path() / "corpus");  // "../" from the plan
    EXPECT_EQ(plan.out, folder.path() / "run");
    EXPECT_EQ(setting_of(plan.model, "model.width"), "32");
    EXPECT_EQ(setting_of(plan.model, "model.experts"), "1,2");
    EXPECT_EQ(setting_of(plan.model, "model.tied-embeddings"), "true");
    ASSERT_EQ(plan.stages.size(), 3U);
    EXPECT_TRUE(plan.stages[0].steps.empty());
    EXPECT_EQ(plan.stages[1].recipe, Recipe::plain);
    EXPECT_EQ(setting_of(plan.stages[1].steps.at("expand"), "experts"), "2,1");
    EXPECT_EQ(setting_of(plan.stages[1].steps.at("expand"), "router"), "(none)");  // the recipe's
    EXPECT_EQ(setting_of(plan.stages[2].steps.at("expand"), "router"), "fresh");
    EXPECT_EQ(plan.languages_before(2), (std::vector<std::string>{"en", "zh", "el", "hu"}));
    EXPECT_EQ(plan.all_languages(), (std::vector<std::string>{"en", "zh", "el", "hu", "hi"}));
    EXPECT_TRUE(plan.languages_before(0).empty());
}

TEST(LifelongPlanTest, AStagesOptionsGoOverTheDefaults) {
    test::TemporaryFolder const folder;
    auto const plan = read(folder, kGood);
    EXPECT_EQ(setting_of(plan.stages[0].options, "train.steps"), "20");
    EXPECT_EQ(setting_of(plan.stages[1].options, "train.steps"), "5");
    EXPECT_EQ(setting_of(plan.stages[1].options, "train.rows"), "8");
    EXPECT_EQ(plan.stages[0].replay_share, 0.0);  // nothing was learned before
    EXPECT_EQ(plan.stages[1].replay_share, 0.25);
    EXPECT_EQ(
        setting_of(plan.stages[1].options, "data.replay-share"), "(none)"
    );                                             // not given twice
    EXPECT_EQ(plan.stages[1].options.size(), 2U);  // no name twice
}

TEST(LifelongPlanTest, AllFaultsAreNamedAtOnce) {
    test::TemporaryFolder const folder;
    auto const* text = R"({
        "corpus": "", "oout": "run",
        "stages": [
            {"name": "a/b", "languages": [], "expand": {"experts": [1]}},
            {"name": "next", "languages": ["el", "hu"]},
            {"name": "next", "languages": ["hu"], "expand": {"experts": ["two"], "rooter": "x"}},
            7
        ]
    })";
    std::string found;
    try {
        read(folder, text);
    } catch (Error const& error) {
        EXPECT_EQ(error.code(), Exit::usage);
        found = error.what();
    }
    for (auto const* part :
         {"plan.json has ", "unknown key \"oout\"", "the plan: \"corpus\"", "the plan: \"out\"",
          "stage 1: name \"a/b\"", "stage 1: \"languages\"", "stage 1: unknown key \"expand\"",
          "stage 2: \"expand\" is missing", "two stages are named \"next\"",
          "language hu is learned twice", "stage 3: expand: \"experts\"", "unknown key \"rooter\"",
          "stage 4: must be an object"}) {
        EXPECT_NE(found.find(part), std::string::npos) << part << " is not in\n" << found;
    }
}

TEST(LifelongPlanTest, RecipesAndTheirStepsAreRead) {
    test::TemporaryFolder const folder;
    auto const plan = read(folder, R"({
        "corpus": "c", "out": "o", "from": "base/step-00000200", "evaluate": {"routing": "soft"},
        "stages": [
            {"name": "base", "languages": ["en"], "recipe": "given"},
            {"name": "a", "languages": ["el"], "recipe": "layermoe", "old": "all-earlier",
             "earlier-classifiers": "released", "similarity": {"tokens": 500},
             "allocate": {"budget": 9, "exact-budget": true}, "classify": {"classifiers": "top:2"},
             "review": {"train.steps": 7}},
            {"name": "b", "languages": ["hi"], "recipe": "moe-lpr", "expand": {"experts": 3}},
            {"name": "c", "languages": ["bn"], "recipe": "dmoe", "scan": {"max-tokens": 100}}
        ]})");
    EXPECT_EQ(plan.from, folder.path() / "base/step-00000200");
    EXPECT_EQ(setting_of(plan.evaluate, "routing"), "soft");
    EXPECT_EQ(plan.stages[0].recipe, Recipe::given);
    EXPECT_EQ(plan.stages[1].recipe, Recipe::layermoe);
    EXPECT_EQ(plan.stages[1].old, OldLanguages::all_earlier);
    EXPECT_EQ(plan.stages[1].earlier_classifiers, EarlierClassifiers::released);
    EXPECT_EQ(setting_of(plan.stages[1].steps.at("allocate"), "exact-budget"), "true");
    EXPECT_EQ(setting_of(plan.stages[1].steps.at("review"), "train.steps"), "7");
    EXPECT_EQ(plan.stages[2].recipe, Recipe::moe_lpr);
    EXPECT_EQ(plan.stages[2].old, OldLanguages::base);
    EXPECT_EQ(plan.stages[3].recipe, Recipe::dmoe);
}

TEST(LifelongPlanTest, FaultsOfRecipesAreNamedAtOnce) {
    test::TemporaryFolder const folder;
    std::string found;
    try {
        read(folder, R"({
            "corpus": "c", "out": "o", "from": "f", "model": {},
            "stages": [
                {"name": "a", "languages": ["en"], "recipe": "layermoe"},
                {"name": "b", "languages": ["el"], "recipe": "given"},
                {"name": "c", "languages": ["hi"], "recipe": "layermoe", "expand": {"experts": 2},
                 "old": "some", "experts": 3},
                {"name": "d", "languages": ["bn"], "recipe": "moe-lpr", "expand": {}},
                {"name": "e", "languages": ["ne"], "recipe": "bts"}
            ]})");
    } catch (Error const& error) {
        found = error.what();
    }
    for (auto const* part :
         {"\"from\" and \"model\"", "stage 1: recipe \"layermoe\"", "can be plain, given, dmoe",
          "stage 2: recipe \"given\"", "stage 3: \"allocate\" is missing",
          "stage 3: expand: unknown key \"experts\"", "\"old\" = \"some\"",
          "stage 3: \"experts\" must be an object", "stage 4: expand: \"experts\" is missing",
          "stage 5: recipe \"bts\""}) {
        EXPECT_NE(found.find(part), std::string::npos) << part << " is not in\n" << found;
    }
}

TEST(LifelongPlanTest, APlanWithoutStagesIsRefused) {
    test::TemporaryFolder const folder;
    test::expect_error(Exit::usage, "at least one stage", [&] {
        read(folder, R"({"corpus": "c", "out": "o", "stages": []})");
    });
    test::expect_error(Exit::usage, "at least one stage", [&] {
        read(folder, R"({"corpus": "c", "out": "o"})");
    });
    test::expect_error(Exit::usage, "must be an object", [&] { read(folder, "[1]"); });
}

TEST(LifelongPlanTest, WhatIsNoJsonIsNamedWithItsLine) {
    test::TemporaryFolder const folder;
    test::expect_error(Exit::data, "plan.json", [&] { read(folder, "{\n\"corpus\": \n"); });
    test::expect_error(Exit::data, "missing.json", [&] {
        read_lifelong_plan(folder / "missing.json");
    });
}

}  // namespace
}  // namespace isogloss

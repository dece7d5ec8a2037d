// integration/methods_test.cpp - each method from a model to an expanded one, with the real program
// on 2 ranks.
#include <gtest/gtest.h>

#include "integration/stage.h"

namespace isogloss {
namespace {

using test::stage;
using test::Words;

class MethodsTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        stage = std::make_unique<test::Stage>("methods");
        stage->create_model("dense", {});
        auto const outcome = stage->run(
            2, stage->train(
                   "dense-run", 10, {"--run.from=" + path("dense"), "--data.languages=en,zh,el,tr"}
               )
        );
        ASSERT_EQ(outcome.code, 0) << outcome;
        test::write_content(*stage / "groups.json", R"({"groups": [["en", "el"], ["zh", "tr"]]})");
    }
    static void TearDownTestSuite() { stage.reset(); }
    void SetUp() override { ASSERT_FALSE(HasFailure()); }

    static std::string path(std::string const& name) { return (*stage / name).string(); }

    static Json json_of(int ranks, Words words) {
        words.emplace_back("--json");
        auto const outcome = stage->run(ranks, words);
        EXPECT_EQ(outcome.code, 0) << outcome;
        return Json::parse(outcome.out, nullptr, false);
    }

    static Json hard_scores(std::string const& checkpoint) {
        return json_of(
            2, {"evaluate", checkpoint, "--corpus=" + path("corpus"), "--languages=en,zh,el,tr",
                "--routing=hard", "--row-length=32", "--max-tokens=200"}
        )["languages"];
    }
};

TEST_F(MethodsTest, DmoeGrowsALanguageWithoutTouchingTheOthers) {
    auto const dense = stage->checkpoint("dense-run", 10).string();
    auto const upcycled = json_of(
        0, {"upcycle", dense, "--layers=0-1", "--groups=" + path("groups.json"),
            "--out=" + path("mixture")}
    );
    EXPECT_EQ(upcycled["experts_per_layer"], (std::vector<int>{2, 2}));
    auto const hard = stage->run(
        2, stage->train(
               "hard", 10,
               {"--run.from=" + path("mixture"), "--data.languages=en,zh,el,tr",
                "--train.routing=hard", "--train.classification-coef=1.28", "--train.trainable=all"}
           )
    );
    ASSERT_EQ(hard.code, 0) << hard;
    auto const before = stage->checkpoint("hard", 10).string();
    auto const scan = json_of(
        2, {"expand", "scan", before, "--corpus=" + path("corpus"), "--languages=hu,hi",
            "--row-length=32", "--max-tokens=200", "--out=" + path("scan.json")}
    );
    ASSERT_EQ(scan["experts"].size(), 2U);
    auto const best = scan["best"].get<std::size_t>();
    EXPECT_LE(scan["experts"][best]["together"], scan["experts"][1 - best]["together"]);
    EXPECT_EQ(read_json(*stage / "scan.json"), scan);
    auto const grown = json_of(
        0, {"expand", "apply", "--from=" + before, "--to=" + path("grown"), "--experts=1",
            "--source-from=" + path("scan.json"), "--languages=hu,hi"}
    );
    EXPECT_EQ(grown["experts_per_layer"], (std::vector<int>{3, 3}));
    auto const adapted = stage->run(
        2, stage->train(
               "adapted", 5,
               {"--run.from=" + path("grown"), "--data.languages=hu,hi", "--train.routing=hard",
                "--train.classification-coef=1.28", "--train.trainable=new-experts"}
           )
    );
    ASSERT_EQ(adapted.code, 0) << adapted;
    auto const after = stage->checkpoint("adapted", 5).string();
    auto const diff =
        stage->run(0, {"model", "diff", before, after, "--require-equal=layers.*.experts.[01].*"});
    EXPECT_EQ(diff.code, 0) << diff;
    // Hard routing never asks the routers that moved: every bit of every loss stays.
    EXPECT_EQ(hard_scores(before), hard_scores(after));
    auto const twice = stage->run(
        0, {"expand", "apply", "--from=" + after, "--to=" + path("twice"), "--experts=1",
            "--languages=hu"}
    );
    EXPECT_EQ(twice.code, 2) << twice;
    EXPECT_NE(twice.err.find("language hu: the model has it already"), std::string::npos) << twice;
    EXPECT_FALSE(std::filesystem::exists(*stage / "twice"));
}

TEST_F(MethodsTest, APlanOfRecipesRunsToItsEnd) {
    test::write_content(*stage / "plan.json", R"({
        "corpus": "corpus", "out": "life", "from": "dense-run/checkpoints/step-00000010",
        "defaults": {"train.steps": 4, "train.rows": 8, "train.row-length": 32,
                     "train.learning-rate": 0.01, "train.warmup-steps": 1,
                     "train.evaluate-tokens": 64},
        "stages": [
            {"name": "base", "languages": ["en", "zh"], "recipe": "given"},
            {"name": "hu", "languages": ["hu"], "recipe": "layermoe", "similarity": {"tokens": 500},
             "allocate": {"budget": 5, "exact-budget": true},
             "classify": {"classifiers": "top:1"}},
            {"name": "hi", "languages": ["hi"], "recipe": "moe-lpr", "expand": {"experts": 1}}
        ]
    })");
    Words const words{"lifelong", path("plan.json"), "--json"};
    auto const done = stage->run(2, words);
    ASSERT_EQ(done.code, 0) << done;
    auto const report = Json::parse(done.out);  // nothing else is on standard output
    ASSERT_EQ(report["stages"].size(), 3U);
    for (std::size_t i = 1; i < 3; ++i) {
        auto const& its = report["stages"][i];
        EXPECT_EQ(its["old_experts"], its["old_experts_kept"]) << its.dump(2);
        EXPECT_EQ(its["backbone_tensors"], its["backbone_kept"]) << its.dump(2);
        EXPECT_EQ(its["bits_per_byte"].size(), 4U);
    }
    EXPECT_EQ(report["stages"][1]["new_experts"], 3);  // 5 in 2 layers, one each was there
    EXPECT_EQ(report["stages"][2]["new_experts"], 2);
    auto const again = stage->run(2, words);
    EXPECT_EQ(Json::parse(again.out), report) << again;
}

TEST_F(MethodsTest, SimilarityDoesNotDependOnTheRanks) {
    Words const words{
        "expand",
        "similarity",
        stage->checkpoint("dense-run", 10).string(),
        "--corpus=" + path("corpus"),
        "--new=hu,tr",
        "--old=en",
        "--tokens=700"};
    auto const alone = json_of(0, words);
    EXPECT_EQ(json_of(2, words), alone);  // the model is dense: the same bits
    EXPECT_EQ(alone["similarity"].size(), 2U);
    auto more = words;
    more.back() = "--tokens=1000000";
    auto const outcome = stage->run(2, more);
    EXPECT_EQ(outcome.code, 2) << outcome;
    EXPECT_NE(outcome.err.find("give at most --tokens"), std::string::npos) << outcome;
}

}  // namespace
}  // namespace isogloss

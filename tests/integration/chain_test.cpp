// integration/chain_test.cpp - the main job with the real program: build, train, kill, resume,
// grow.
#include <gtest/gtest.h>

#include <map>

#include "integration/stage.h"

namespace isogloss {
namespace {

using test::stage;
using test::Words;

class ChainTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        stage = std::make_unique<test::Stage>("chain");
        auto const outcome = stage->run(2, stage->train("straight", 40, {"--train.keep-every=5"}));
        ASSERT_EQ(outcome.code, 0) << outcome;
    }
    static void TearDownTestSuite() { stage.reset(); }
    void SetUp() override { ASSERT_FALSE(HasFailure()); }
};

// Starts a run that would last long, and waits until its checkpoint after `step` is there.
std::unique_ptr<test::Job> run_until_step(std::string const& out, int ranks, int step, int steps) {
    auto job = stage->start(ranks, stage->train(out, steps));
    auto const manifest = stage->checkpoint(out, step) / "manifest.json";
    EXPECT_TRUE(test::wait_until([&] { return std::filesystem::exists(manifest); })) << out;
    return job;
}

void kill_ranks(std::string const& mark, test::Job& job) {
    for (auto const pid : test::ranks_of(mark)) {
        ::kill(pid, SIGKILL);
    }
    EXPECT_NE(job.wait().code, 0);
    EXPECT_TRUE(test::wait_until([&] { return test::ranks_of(mark).empty(); })) << "zombies";
}

TEST_F(ChainTest, TrainingLearnsAndWritesWhatItSays) {
    auto const losses = test::losses_of(*stage / "straight");
    ASSERT_EQ(losses.size(), 40U);
    EXPECT_LT(losses.back().second, 0.8 * losses.front().second);
    for (auto const* file : {"run.cfg", "log.txt", "metrics.jsonl", "tensorboard"}) {
        EXPECT_TRUE(std::filesystem::exists(*stage / "straight" / file)) << file;
    }
    auto const verified =
        stage->run(0, {"model", "verify", stage->checkpoint("straight", 40).string()});
    EXPECT_EQ(verified.code, 0) << verified;
}

TEST_F(ChainTest, TheSavedConfigRunsTheSameAgain) {
    auto const again = stage->run(
        2, {"train", "--config=" + (*stage / "straight" / "run.cfg").string(),
            "--run.out=" + (*stage / "again").string()}
    );
    ASSERT_EQ(again.code, 0) << again;
    EXPECT_EQ(
        test::shards_of(stage->checkpoint("again", 40)),
        test::shards_of(stage->checkpoint("straight", 40))
    );
}

TEST_F(ChainTest, KilledAndResumedEqualsStraight) {
    auto job = run_until_step("killed", 2, 5, 40);
    kill_ranks((*stage / "killed").string(), *job);
    auto const done = stage->run(2, stage->train("killed", 40));
    ASSERT_EQ(done.code, 0) << done;
    EXPECT_EQ(
        test::shards_of(stage->checkpoint("killed", 40)),
        test::shards_of(stage->checkpoint("straight", 40))
    );
    EXPECT_EQ(test::losses_of(*stage / "killed"), test::losses_of(*stage / "straight"));
    EXPECT_TRUE(test::half_written(*stage / "killed").empty());
}

// As after a kill between the last checkpoint and the end of its validation.
TEST_F(ChainTest, AFinishedRunThatLacksItsScoresMakesUpForThem) {
    auto const run = *stage / "unscored";
    std::filesystem::copy(*stage / "straight", run, std::filesystem::copy_options::recursive);
    auto const metrics = test::content_of(run / "metrics.jsonl");
    auto const last = metrics.rfind('\n', metrics.size() - 2) + 1;
    ASSERT_NE(metrics.find("valid_bits_per_byte", last), std::string::npos);
    test::write_content(run / "metrics.jsonl", metrics.substr(0, last));
    auto const again = stage->run(2, stage->train("unscored", 40));
    ASSERT_EQ(again.code, 0) << again;
    EXPECT_EQ(test::content_of(run / "metrics.jsonl"), metrics);
    auto const idle = stage->run(2, stage->train("unscored", 40));
    ASSERT_EQ(idle.code, 0) << idle;
    EXPECT_NE(idle.err.find("all 40 steps are done"), std::string::npos) << idle;
    EXPECT_EQ(test::content_of(run / "metrics.jsonl"), metrics);
}

// Sums over ranks are made in another order: the curves differ by float rounding (2^-24) that 35
// steps of AdamW carry on; 1 % of the loss is far above that and far below any lost row.
TEST_F(ChainTest, FourRanksGoOnOnTwo) {
    auto job = run_until_step("four", 4, 5, 40);
    kill_ranks((*stage / "four").string(), *job);
    auto const done = stage->run(2, stage->train("four", 40));
    ASSERT_EQ(done.code, 0) << done;
    auto const expected = test::losses_of(*stage / "straight");
    auto const losses = test::losses_of(*stage / "four");
    ASSERT_EQ(losses.size(), expected.size());
    for (std::size_t i = 0; i < losses.size(); ++i) {
        EXPECT_EQ(losses[i].first, expected[i].first);
        EXPECT_NEAR(losses[i].second, expected[i].second, 0.01 * expected[i].second) << i + 1;
    }
}

// What the data gave to each step: how many targets so far, and the mean loss of each language.
struct StepData {
    std::int64_t tokens = 0;
    std::map<std::string, double> loss;
};

std::vector<StepData> data_of(std::filesystem::path const& run) {
    std::ifstream file(run / "metrics.jsonl");
    std::vector<StepData> steps;
    for (std::string line; std::getline(file, line);) {
        auto const value = Json::parse(line);
        if (value.contains("loss")) {
            steps.push_back({value.at("tokens"), value.at("language_loss")});
        }
    }
    return steps;
}

// Every step has the rows that one rank reads: languages and counts are equal, and losses differ by
// the order of float sums (2^-24 each), which 12 steps of AdamW, at a rate of 0.01, carry on: 0.1 %
// leaves room for a factor of a thousand. Another row in a step of eight moves them by per cents.
TEST_F(ChainTest, FromFourRanksToTwoAndBackReadsWhatOneRankReads) {
    Words const constant{"--train.schedule=constant", "--data.temperature=2"};
    std::vector<std::pair<int, int>> const jobs{{4, 4}, {2, 8}, {4, 12}};  // ranks, to step
    for (auto const& [ranks, steps] : jobs) {
        auto const job = stage->run(ranks, stage->train("moved", steps, constant));
        ASSERT_EQ(job.code, 0) << job;
    }
    auto const job = stage->run(0, stage->train("alone", 12, constant));
    ASSERT_EQ(job.code, 0) << job;
    auto const moved = data_of(*stage / "moved");
    auto const alone = data_of(*stage / "alone");
    ASSERT_EQ(moved.size(), 12U);
    ASSERT_EQ(alone.size(), 12U);
    for (std::size_t step = 0; step < 12; ++step) {
        EXPECT_EQ(moved[step].tokens, alone[step].tokens) << step;
        ASSERT_EQ(moved[step].loss.size(), alone[step].loss.size()) << step;
        for (auto const& [language, loss] : alone[step].loss) {
            EXPECT_NEAR(moved[step].loss.at(language), loss, 1e-3 * loss) << step << language;
        }
    }
}

// The plan that is printed is the one that the run logs, and warns of what is read too often.
TEST_F(ChainTest, AMixtureIsKnownBeforeTheRun) {
    auto const config = "--config=" + (*stage / "straight" / "run.cfg").string();
    Words words{"corpus", "info", (*stage / "corpus").string(), "--mixture", config, "--json"};
    auto const plan = stage->run(0, words);
    ASSERT_EQ(plan.code, 0) << plan;
    auto const json = Json::parse(plan.out);
    ASSERT_EQ(json["languages"].size(), 2U);
    EXPECT_NEAR(json["tokens"].get<double>(), 40 * 8 * 32, 1e-3);
    words.insert(words.end(), {"--data.unimax=1e-3", "--train.steps=4000"});
    auto const refused = stage->run(0, words);
    EXPECT_EQ(refused.code, 2) << refused;
    EXPECT_NE(refused.err.find("allow more epochs"), std::string::npos) << refused;
    words.back() = "--data.temperature=2";
    EXPECT_NE(
        stage->run(0, words).err.find("data.unimax = 0.001 and data.temperature = 2: give"),
        std::string::npos
    );
    words.resize(5);
    words.emplace_back("--train.steps=400000");
    auto const often = stage->run(0, words);
    EXPECT_EQ(often.code, 0) << often;
    EXPECT_NE(often.err.find("2 of 2 languages are read more than 4 times"), std::string::npos)
        << often;
    auto const log = test::content_of(*stage / "straight" / "log.txt");
    EXPECT_NE(log.find("tokens^(1/1), 2 languages: "), std::string::npos) << log;
}

TEST_F(ChainTest, SignalsGive75AndTheRunGoesOn) {
    // mpirun hands SIGUSR1 on to all ranks; SIGTERM reaches one rank alone, as from a node's agent.
    auto job = run_until_step("stopped", 2, 5, 2000);
    job->send(SIGUSR1);
    auto const first = job->wait();
    EXPECT_EQ(first.code, 75) << first;
    auto const steps = test::losses_of(*stage / "stopped").size();
    ASSERT_LT(steps, 2000U);
    EXPECT_TRUE(std::filesystem::exists(stage->checkpoint("stopped", static_cast<int>(steps))));

    job = stage->start(2, stage->train("stopped", 2000));
    auto const more = [&] { return test::losses_of(*stage / "stopped").size() > steps + 5; };
    ASSERT_TRUE(test::wait_until(more));
    ::kill(test::ranks_of((*stage / "stopped").string()).at(0), SIGTERM);
    auto const second = job->wait();
    EXPECT_EQ(second.code, 75) << second;
    EXPECT_NE(second.err.find("going on from"), std::string::npos) << second;

    auto const last = static_cast<int>(test::losses_of(*stage / "stopped").size());
    auto const done = stage->run(2, stage->train("stopped", last + 1));
    EXPECT_EQ(done.code, 0) << done;
    auto const losses = test::losses_of(*stage / "stopped");
    for (std::size_t i = 0; i < losses.size(); ++i) {
        ASSERT_EQ(losses[i].first, static_cast<int>(i) + 1);  // no step twice, none left out
    }
}

TEST_F(ChainTest, GrowthLeavesWhatIsOldAlone) {
    auto const from = stage->checkpoint("straight", 40);
    auto const grown = *stage / "grown";
    auto const applied = stage->run(
        0, {"expand", "apply", "--from=" + from.string(), "--to=" + grown.string(), "--experts=1,2",
            "--languages=el,hu", "--json"}
    );
    ASSERT_EQ(applied.code, 0) << applied;
    EXPECT_EQ(Json::parse(applied.out)["new_experts"], 3);
    auto const words = stage->train(
        "second", 5,
        {"--run.from=" + grown.string(), "--data.languages=el,hu", "--data.replay-languages=en,zh",
         "--data.replay-share=0.25"}
    );
    auto const trained = stage->run(2, words);
    ASSERT_EQ(trained.code, 0) << trained;

    auto const after = stage->checkpoint("second", 5).string();
    auto const diff = stage->run(
        0, {"model", "diff", from.string(), after, "--require-equal=*.experts.[01].*", "--content",
            "--json"}
    );
    ASSERT_EQ(diff.code, 0) << diff;
    auto const json = Json::parse(diff.out);
    EXPECT_EQ(json["old_experts"], 4) << json.dump(2);
    EXPECT_EQ(json["old_experts_equal"], 4) << json.dump(2);
    EXPECT_EQ(json["new_experts"], 3) << json.dump(2);
    EXPECT_EQ(json["backbone"]["different"], 0) << json.dump(2);
    EXPECT_GT(json["backbone"]["equal"], 5) << json.dump(2);
    // The new experts did learn: unlike when they were copied.
    auto const moved = stage->run(
        0, {"model", "diff", grown.string(), after, "--require-equal=layers.0.experts.2.*"}
    );
    EXPECT_EQ(moved.code, 3) << moved;
    // One file, two names: nothing was written again.
    EXPECT_TRUE(std::filesystem::equivalent(
        from / "L00-E000.h5", std::filesystem::path(after) / "L00-E000.h5"
    ));
}

TEST_F(ChainTest, EvaluateIsATableForPeopleAndJsonForPrograms) {
    Words words{
        "evaluate", stage->checkpoint("straight", 40).string(),
        "--corpus=" + (*stage / "corpus").string(), "--row-length=32", "--max-tokens=200"};
    auto const table = stage->run(2, words);
    ASSERT_EQ(table.code, 0) << table;
    EXPECT_NE(table.out.find("bits per byte"), std::string::npos) << table;
    words.insert(words.end(), {"--json", "--shares", "--out=" + (*stage / "scores.json").string()});
    auto const json = stage->run(2, words);
    ASSERT_EQ(json.code, 0) << json;
    auto const evaluation = Json::parse(json.out);  // nothing else is on standard output
    EXPECT_EQ(evaluation, read_json(*stage / "scores.json"));
    auto const scores = evaluation["languages"];
    EXPECT_EQ(scores.size(), 6U);
    EXPECT_LT(scores["en"]["bits_per_byte"], scores["hu"]["bits_per_byte"]);  // en was learned
    auto const alone = stage->run(0, words);
    auto const same = Json::parse(alone.out)["languages"];
    for (auto const& [language, score] : scores.items()) {
        auto const bits = score["bits_per_byte"].get<double>();
        EXPECT_NEAR(same[language]["bits_per_byte"].get<double>(), bits, 1e-5 * bits) << language;
    }
    ASSERT_EQ(evaluation["shares"]["layers"].size(), 2U);
    auto const share = evaluation["shares"]["layers"][1]["share"]["el"];
    EXPECT_NEAR(share[0].get<double>() + share[1].get<double>(), 1.0, 1e-12);
}

TEST_F(ChainTest, StridedEvaluationsCompare) {
    auto const evaluate = [](int step, std::string const& out, int ranks) {
        return stage->run(
            ranks, {"evaluate", stage->checkpoint("straight", step).string(),
                    "--corpus=" + (*stage / "corpus").string(), "--protocol=strided",
                    "--documents=3", "--window=64", "--stride=16", "--joint=blank-line",
                    "--languages=en,hu", "--shares", "--out=" + (*stage / out).string()}
        );
    };
    auto const first = evaluate(5, "before.json", 2);
    ASSERT_EQ(first.code, 0) << first;
    EXPECT_NE(first.out.find("Where tokens went"), std::string::npos) << first;
    ASSERT_EQ(evaluate(40, "after.json", 0).code, 0);
    Words words{
        "evaluate", "compare", (*stage / "before.json").string(), (*stage / "after.json").string()};
    auto const table = stage->run(0, words);
    ASSERT_EQ(table.code, 0) << table;
    EXPECT_NE(table.out.find("moved among old"), std::string::npos) << table;
    words.emplace_back("--json");
    auto const change = Json::parse(stage->run(0, words).out);
    EXPECT_LT(change["languages"]["en"]["bits_per_byte"]["change"], 0.0);  // it was learned
    EXPECT_EQ(change["languages"]["en"]["to_new"], 0.0);
    EXPECT_EQ(change["layers"].size(), 2U);

    auto const wide = stage->run(
        0, {"evaluate", stage->checkpoint("straight", 40).string(),
            "--corpus=" + (*stage / "corpus").string(), "--protocol=strided"}
    );
    EXPECT_EQ(wide.code, 2) << wide;
    EXPECT_NE(wide.err.find("--window=64"), std::string::npos) << wide;
}

TEST_F(ChainTest, ALifelongRunThatIsKilledGoesOn) {
    test::write_content(*stage / "plan.json", R"({
        "corpus": "corpus", "out": "life",
        "model": {"model.width": 32, "model.layers": 2, "model.heads": 2, "model.ffn-hidden": 48,
                  "model.experts": 2, "model.max-positions": 64},
        "defaults": {"train.steps": 6, "train.rows": 8, "train.row-length": 32,
                     "train.learning-rate": 0.01, "train.warmup-steps": 2,
                     "train.checkpoint-every": 3, "train.evaluate-tokens": 64},
        "stages": [
            {"name": "base", "languages": ["en", "zh"]},
            {"name": "el-hu", "languages": ["el", "hu"], "expand": {"experts": [1, 1]}},
            {"name": "tr", "languages": ["tr"], "expand": {"experts": [0, 1], "router": "fresh"},
             "options": {"data.replay-share": 0.5}}
        ]
    })");
    Words const words{"lifelong", (*stage / "plan.json").string(), "--json"};
    auto job = stage->start(2, words);
    auto const second = *stage / "life" / "el-hu" / "run" / "checkpoints" / "step-00000003";
    ASSERT_TRUE(test::wait_until([&] { return std::filesystem::exists(second); }));
    kill_ranks((*stage / "plan.json").string(), *job);

    auto const done = stage->run(2, words);
    ASSERT_EQ(done.code, 0) << done;
    auto const report = Json::parse(done.out);
    ASSERT_EQ(report["stages"].size(), 3U);
    for (std::size_t i = 1; i < 3; ++i) {
        auto const& its = report["stages"][i];
        EXPECT_EQ(its["old_experts"], its["old_experts_kept"]) << its.dump(2);
        EXPECT_EQ(its["backbone_tensors"], its["backbone_kept"]) << its.dump(2);
        EXPECT_EQ(its["bits_per_byte"].size(), 5U);
        EXPECT_GT(its["growth_bytes"], 0);
    }
    EXPECT_EQ(report["stages"][1]["new_experts"], 2);
    EXPECT_EQ(report["stages"][2]["new_experts"], 1);
    EXPECT_EQ(read_json(*stage / "life" / "summary.json"), report);

    auto const again = stage->run(2, words);  // all is done: the same answer, nothing trained
    EXPECT_EQ(again.code, 0) << again;
    EXPECT_EQ(Json::parse(again.out), report);
}

}  // namespace
}  // namespace isogloss

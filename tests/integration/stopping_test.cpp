// integration/stopping_test.cpp - requests to stop: by file, by clock, by the end of the job; and
// ranks that were started unlike.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>

#include "integration/stage.h"

namespace isogloss {
namespace {

using test::expect_parts;
using test::Outcome;
using test::stage;
using test::Words;

class StoppingTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        stage = std::make_unique<test::Stage>("stopping");
        stage->create_model("dense", {});
    }
    static void TearDownTestSuite() { stage.reset(); }
};

Words operator+(Words words, Words const& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

// The last step with a loss is the step that was saved.
void expect_saved(std::string const& out) {
    auto const losses = test::losses_of(*stage / out);
    ASSERT_FALSE(losses.empty());
    EXPECT_TRUE(
        std::filesystem::exists(stage->checkpoint(out, losses.back().first) / "manifest.json")
    );
}

TEST_F(StoppingTest, AStopFileIsObeyedOnce) {
    auto const words = stage->train("file", 900, {"--train.checkpoint-every=0"});
    auto job = stage->start(2, words);
    ASSERT_TRUE(test::wait_until([&] { return test::losses_of(*stage / "file").size() > 3; }));
    test::write_content(*stage / "file" / "STOP", "");
    expect_parts(job->wait(), 75, {"stopped by a STOP file", "STOP was obeyed and is removed"});
    EXPECT_FALSE(std::filesystem::exists(*stage / "file" / "STOP"));
    expect_saved("file");
    auto const steps = static_cast<int>(test::losses_of(*stage / "file").size()) + 2;
    auto const next = stage->run(2, stage->train("file", steps, {"--train.checkpoint-every=0"}));
    expect_parts(next, 0, {"going on from"});
}

TEST_F(StoppingTest, ARunStopsAfterItsTimeAndSaves) {
    expect_parts(
        stage->run(2, stage->train("clock", 900, {"--stop-after=2s", "--train.rows=64"})), 75,
        {"stops by itself in 2.0 s", "stopped by --stop-after"}
    );
    expect_saved("clock");
    EXPECT_EQ(test::content_of(*stage / "clock" / "run.cfg").find("stop-after"), std::string::npos);
}

TEST_F(StoppingTest, ARunStopsInTimeBeforeTheJobsEnd) {
    auto const now = std::chrono::system_clock::now().time_since_epoch();
    auto const end = std::chrono::duration<double>(now).count() + 8.0;  // 5 of them are the margin
    ::setenv("SLURM_JOB_END_TIME", std::to_string(std::llround(end)).c_str(), 1);
    auto const words = stage->train("limit", 900, {"--train.rows=64"});
    expect_parts(stage->run(2, words), 75, {"stopped by the job's time limit"});
    expect_saved("limit");
    auto const after = std::chrono::system_clock::now().time_since_epoch();
    EXPECT_LT(std::chrono::duration<double>(after).count(), end);
    auto const ignored = stage->run(1, stage->train("ignored", 3, {"--time-limit=ignore"}));
    ::unsetenv("SLURM_JOB_END_TIME");
    expect_parts(ignored, 0, {});
}

// A step of 128 micro-batches, so that most requests come in the middle of one. Each comes after
// steps of its job, so that there is something to be gone on with.
TEST_F(StoppingTest, AStopInTheMiddleOfAStepChangesNothing) {
    auto const words = [](char const* out) {
        return stage->train(out, 30, {"--train.rows=256", "--train.micro-rows=2"});
    };
    for (int i = 0; i < 3; ++i) {
        auto const before = test::losses_of(*stage / "parts").size();
        auto job = stage->start(2, words("parts"));
        EXPECT_TRUE(test::wait_until([&] {
            return test::losses_of(*stage / "parts").size() > before + 1;
        }));
        job->send(SIGUSR1);
        auto const outcome = job->wait();
        ASSERT_EQ(outcome.code, 75) << outcome;
    }
    for (auto const* out : {"parts", "whole"}) {
        auto const outcome = stage->run(2, words(out));
        ASSERT_EQ(outcome.code, 0) << outcome;
    }
    EXPECT_EQ(
        test::shards_of(stage->checkpoint("parts", 30)),
        test::shards_of(stage->checkpoint("whole", 30))
    );
    EXPECT_EQ(test::losses_of(*stage / "parts"), test::losses_of(*stage / "whole"));
}

TEST_F(StoppingTest, EveryLongCommandStopsAndGoesOn) {
    auto const text = "--input=" + (*stage / "text").string();
    auto const corpus = "--corpus=" + (*stage / "corpus").string();
    auto const out = [](char const* name) { return "--out=" + (*stage / name).string(); };
    auto const model = (*stage / "model").string();
    auto const dense = (*stage / "dense").string();
    test::write_content(
        *stage / "plan.json",
        R"({"corpus": "corpus", "from": "model", "out": "plan",
            "defaults": {"train.steps": 2, "train.rows": 8, "train.row-length": 32},
            "stages": [{"name": "base", "languages": ["en"], "recipe": "plain"}]})"
    );
    for (auto const& words : std::vector<Words>{
             {"corpus", "build", text, "--tokenizer=bytes", out("new-corpus"), "--valid-share=0.1",
              "--licence=CC0-1.0"},
             {"evaluate", model, corpus, "--row-length=32", "--max-tokens=64"},
             {"group", "probe", dense, corpus, out("probe"), "--steps=1", "--rows=2",
              "--micro-rows=2", "--row-length=32", "--similarity-layers=1"},
             {"expand", "similarity", model, corpus, "--new=el", "--old=en", "--tokens=200"},
             {"expand", "scan", model, corpus, "--languages=el", "--row-length=32",
              "--max-tokens=64"},
             {"lifelong", (*stage / "plan.json").string()}}) {
        expect_parts(
            stage->run(2, words + Words{"--stop-after=0.000001s"}), 75, {"stopped by --stop-after"}
        );
        auto const whole = stage->run(2, words);
        EXPECT_EQ(whole.code, 0) << words[0] << " " << words[1] << whole;
    }
    EXPECT_TRUE(test::half_written(*stage / "new-corpus").empty());
    EXPECT_EQ(
        test::content_of(*stage / "new-corpus" / "corpus.json"),
        test::content_of(*stage / "corpus" / "corpus.json")
    );
    Words const tokenizer{"tokenizer",        "train",          text,
                          "--vocab-size=400", out("new.model"), "--stop-after=0.000001s"};
    EXPECT_EQ(stage->run(0, tokenizer).code, 75);
    EXPECT_FALSE(std::filesystem::exists(*stage / "new.model"));
}

// Two ranks that were started with a command each.
Outcome run_unlike(Words const& first, Words const& second) {
    auto words = Words{ISOGLOSS_TEST_MPIEXEC, "-n", "1"} + first + Words{":", "-n", "1"} + second;
    return test::Job(words, *stage / "unlike").wait();
}

TEST_F(StoppingTest, RanksOfAnotherBuildAreNamedAtTheStart) {
    auto const other = *stage / "isogloss";
    std::filesystem::copy_file(ISOGLOSS_TEST_PROGRAM, other);
    std::ofstream(other, std::ios::app | std::ios::binary) << "another build";
    auto const words = stage->train("builds", 3);
    auto const outcome =
        run_unlike(Words{ISOGLOSS_TEST_PROGRAM} + words, Words{other.string()} + words);
    expect_parts(outcome, 4, {"rank 1: another program than rank 0's", other.string()});
    EXPECT_FALSE(std::filesystem::exists(*stage / "builds"));
}

TEST_F(StoppingTest, RanksWithOtherOptionsAreNamedAtTheStart) {
    Words const program{ISOGLOSS_TEST_PROGRAM};
    auto const outcome = run_unlike(
        program + stage->train("options", 3),
        program + stage->train("options", 3, {"--train.seed=2"})
    );
    expect_parts(outcome, 2, {"rank 1: other options than rank 0's (seed = 2)"});
    EXPECT_FALSE(std::filesystem::exists(*stage / "options"));
}

// Clocks of ranks differ: here only one of them has one.
TEST_F(StoppingTest, ALimitThatOneRankSeesFirstIsNamed) {
    Words const program{ISOGLOSS_TEST_PROGRAM};
    auto const words = program + stage->train("unlike", 900, {"--train.rows=64"});
    auto const outcome = run_unlike(words, words + Words{"--stop-after=2s"});
    expect_parts(outcome, 75, {"stopped by --stop-after"});
    expect_saved("unlike");
}

}  // namespace
}  // namespace isogloss

// integration/interruption_test.cpp - plans of recipes that are stopped or killed after every file
// they write, and end as if nothing had been.
#include <gtest/gtest.h>

#include <algorithm>

#include "integration/stage.h"

namespace isogloss {
namespace {

using test::stage;
using test::Words;

class InterruptionTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        stage = std::make_unique<test::Stage>("interruption");
        stage->create_model("dense", {});
    }
    static void TearDownTestSuite() { stage.reset(); }
    void SetUp() override { ASSERT_FALSE(HasFailure()); }
};

std::string plan_into(std::string const& out, std::string const& stages) {
    return R"({"corpus": "corpus", "from": "dense", "out": ")" + out + R"(",
        "defaults": {"train.steps": 4, "train.rows": 8, "train.row-length": 32,
                     "train.learning-rate": 0.01, "train.warmup-steps": 1,
                     "train.checkpoint-every": 2, "train.evaluate-tokens": 64},
        "stages": )" +
           stages + "}";
}

// What a run leaves for good, oldest first: results of steps, probes of languages, checkpoints. Not
// the summary, behind which there is nothing to stop.
std::vector<std::string> results_in(std::filesystem::path const& root) {
    std::vector<std::pair<std::filesystem::file_time_type, std::string>> found;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(root)) {
        auto const name = entry.path().filename().string();
        auto const parent = entry.path().parent_path().filename().string();
        if (name != "summary.json" && (name.ends_with(".json") || parent == "probe")) {
            found.emplace_back(
                entry.last_write_time(), entry.path().lexically_relative(root).string()
            );
        }
    }
    std::ranges::sort(found);
    std::vector<std::string> results;
    for (auto const& [time, result] : found) {
        results.push_back(result);
    }
    return results;
}

// Starts the plan until `result` is there, then asks it to stop or kills its ranks.
void run_until_result(std::filesystem::path const& result, Words const& words, bool kill) {
    auto job = stage->start(2, words);
    ASSERT_TRUE(test::wait_until([&] { return std::filesystem::exists(result); })) << result;
    if (!kill) {
        job->send(SIGUSR1);  // mpirun hands it on to all ranks
        auto const outcome = job->wait();
        // After the last of its work the program, and mpirun too, lay their handlers down.
        bool const ended_well = outcome.code == 75 || outcome.code == 0;
        EXPECT_TRUE(ended_well || outcome.code == 128 + SIGUSR1) << result << outcome;
        return;
    }
    for (auto const pid : test::ranks_of(words.at(1))) {
        ::kill(pid, SIGKILL);
    }
    job->wait();
    ASSERT_TRUE(test::wait_until([&] { return test::ranks_of(words.at(1)).empty(); })) << "zombies";
}

// The report without the folder it is about.
std::string without(std::string const& folder, std::string report) {
    for (auto at = report.find(folder); at != std::string::npos; at = report.find(folder)) {
        report.erase(at, folder.size());
    }
    return report;
}

void expect_same_results(std::string const& name, std::string const& stages) {
    auto const run = [&](std::string const& out) {
        auto const plan = *stage / (out + ".json");
        test::write_content(plan, plan_into(out, stages));
        return Words{"lifelong", plan.string(), "--json"};
    };
    auto const straight = stage->run(2, run(name + "-a"));
    ASSERT_EQ(straight.code, 0) << straight;
    auto const results = results_in(*stage / (name + "-a"));
    ASSERT_GE(results.size(), 10U);
    auto const words = run(name + "-b");
    for (std::size_t i = 0; i < results.size(); ++i) {
        auto const result = *stage / (name + "-b") / results[i];
        if (!std::filesystem::exists(result)) {
            run_until_result(result, words, i % 2 == 1);
        }
    }
    auto const end = stage->run(2, words);
    ASSERT_EQ(end.code, 0) << end;
    EXPECT_EQ(without(name + "-b", end.out), without(name + "-a", straight.out));
    EXPECT_TRUE(test::half_written(*stage / (name + "-b")).empty());
    for (auto const& result : results) {
        auto const a = *stage / (name + "-a") / result;
        if (result.ends_with("manifest.json")) {
            EXPECT_EQ(
                test::shards_of(a.parent_path()),
                test::shards_of((*stage / (name + "-b") / result).parent_path())
            ) << result;
        }
    }
}

TEST_F(InterruptionTest, DmoeEndsTheSame) {
    expect_same_results("dmoe", R"([
        {"name": "base", "languages": ["en", "zh", "el", "tr"], "recipe": "dmoe",
         "probe": {"steps": 2, "rows": 4, "micro-rows": 2, "row-length": 32,
                   "similarity-layers": 2},
         "layers": {"layers": 1}, "cluster": {"groups": 2},
         "hard": {"train.micro-rows": 4, "data.chunk-rows": 4},
         "soft": {"train.steps": 4}},
        {"name": "hu", "languages": ["hu"], "recipe": "dmoe",
         "scan": {"max-tokens": 200, "row-length": 32},
         "adapt": {"train.micro-rows": 4, "data.chunk-rows": 4}}])");
}

TEST_F(InterruptionTest, LayermoeAndMoeLprEndTheSame) {
    expect_same_results("layermoe", R"([
        {"name": "base", "languages": ["en", "zh"], "recipe": "given"},
        {"name": "hu", "languages": ["hu"], "recipe": "layermoe", "similarity": {"tokens": 500},
         "allocate": {"budget": 5, "exact-budget": true}, "classify": {"classifiers": "top:1"}},
        {"name": "hi", "languages": ["hi"], "recipe": "moe-lpr", "expand": {"experts": 1}}])");
}

}  // namespace
}  // namespace isogloss

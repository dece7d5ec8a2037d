// integration/stage.h - what whole-program tests stand on: text, a corpus and a model, made by the
// program itself.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "support/program.h"

namespace isogloss::test {

/// A folder of a whole test suite, with text/, corpus/ and model/ in it; made once.
class Stage {
public:
    explicit Stage(std::string const& name)
        : root_(
              std::filesystem::temp_directory_path() /
              ("isogloss-" + name + "-" + std::to_string(::getpid()))
          ) {
        write_text(root_ / "text");
        build_corpus();
        create_model("model", {"--model.experts=2"});
    }
    ~Stage() {
        std::error_code error;
        std::filesystem::remove_all(root_, error);
    }
    Stage(Stage const&) = delete;
    Stage& operator=(Stage const&) = delete;

    [[nodiscard]] std::filesystem::path operator/(std::string const& name) const {
        return root_ / name;
    }

    /// Runs the program to its end.
    [[nodiscard]] Outcome run(int ranks, Words const& words) const {
        return run_program(words, ranks, root_ / "last");
    }
    [[nodiscard]] std::unique_ptr<Job> start(int ranks, Words const& words) const {
        return std::make_unique<Job>(command_line(words, ranks), root_ / "job");
    }

    void create_model(std::string const& name, Words const& more) const {
        Words words{
            "model",
            "create",
            (root_ / name).string(),
            "--corpus=" + (root_ / "corpus").string(),
            "--model.width=32",
            "--model.layers=2",
            "--model.heads=2",
            "--model.ffn-hidden=48",
            "--model.max-positions=64"};
        words.insert(words.end(), more.begin(), more.end());
        auto const outcome = run(0, words);
        EXPECT_EQ(outcome.code, 0) << outcome;
    }

    /// Words of a training run from model/ into OUT; those of `more` go over the others.
    [[nodiscard]] Words train(std::string const& out, int steps, Words const& more = {}) const {
        Words words{
            "train",
            "--run.from=" + (root_ / "model").string(),
            "--run.out=" + (root_ / out).string(),
            "--data.corpus=" + (root_ / "corpus").string(),
            "--data.languages=en,zh",
            "--train.steps=" + std::to_string(steps),
            "--train.rows=8",
            "--train.row-length=32",
            "--train.warmup-steps=2",
            "--train.learning-rate=0.01",
            "--train.checkpoint-every=5",
            "--train.evaluate-tokens=64"};
        for (auto const& word : more) {
            auto const name = word.substr(0, word.find('=') + 1);
            std::erase_if(words, [&](std::string const& old) { return old.starts_with(name); });
            words.push_back(word);
        }
        return words;
    }

    /// The checkpoint of a run after `step`, which must be below 1000.
    [[nodiscard]] std::filesystem::path checkpoint(std::string const& out, int step) const {
        auto const digits = std::to_string(step);
        return root_ / out / "checkpoints" /
               ("step-" + std::string(8 - digits.size(), '0') + digits);
    }

private:
    void build_corpus() const {
        auto const outcome =
            run(2,
                {"corpus", "build", "--input=" + (root_ / "text").string(), "--tokenizer=bytes",
                 "--out=" + (root_ / "corpus").string(), "--valid-share=0.1", "--licence=CC0-1.0"});
        EXPECT_EQ(outcome.code, 0) << outcome;
    }

    std::filesystem::path root_;
};

/// Of the suite that runs, which makes it and takes it down.
inline std::unique_ptr<Stage> stage;

/// file -> hash, of all shards of a checkpoint.
inline std::vector<std::pair<std::string, std::string>> shards_of(
    std::filesystem::path const& checkpoint
) {
    std::vector<std::pair<std::string, std::string>> shards;
    auto const manifest = read_json(checkpoint / "manifest.json");
    for (auto const& shard : manifest.at("shards")) {
        shards.emplace_back(shard.at("file"), shard.at("sha256"));
    }
    return shards;
}

/// The loss of each step, from a run's metrics.
inline std::vector<std::pair<int, double>> losses_of(std::filesystem::path const& run) {
    std::ifstream file(run / "metrics.jsonl");
    std::vector<std::pair<int, double>> losses;
    for (std::string line; std::getline(file, line);) {
        auto const value = Json::parse(line, nullptr, false);
        if (value.is_object() && value.contains("loss")) {
            losses.emplace_back(value.at("step"), value.at("loss"));
        }
    }
    return losses;
}

/// Names of what a killed or failed attempt would leave.
inline std::vector<std::string> half_written(std::filesystem::path const& folder) {
    std::vector<std::string> found;
    std::error_code error;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(folder, error)) {
        if (entry.path().filename().string().ends_with(".partial")) {
            found.push_back(entry.path().string());
        }
    }
    return found;
}

}  // namespace isogloss::test

// integration/grouping_test.cpp - the commands that decide, on files alone: layers, groups,
// experts.
#include <gtest/gtest.h>

#include "base/json.h"
#include "support/program.h"

namespace isogloss {
namespace {

using test::Outcome;
using test::Words;

class GroupingTest : public testing::Test {
protected:
    std::string file(std::string const& name, std::string const& content) {
        test::write_content(folder_ / name, content);
        return (folder_ / name).string();
    }
    Outcome run(Words const& words, int ranks = 0) {
        return test::run_program(words, ranks, folder_ / "log");
    }
    Json json_of(Words words, int ranks = 0) {
        words.emplace_back("--json");
        auto const outcome = run(words, ranks);
        EXPECT_EQ(outcome.code, 0) << outcome;
        return Json::parse(outcome.out);  // nothing else is on standard output
    }
    void expect_fault(Words const& words, int code, std::string const& part) {
        auto const outcome = run(words);
        EXPECT_EQ(outcome.code, code) << outcome;
        EXPECT_NE(outcome.err.find(part), std::string::npos) << part << "\n" << outcome;
        EXPECT_EQ(outcome.out, "");
    }
    test::TemporaryFolder const& folder() const { return folder_; }

    std::string deviation() {
        return file("deviation.json", R"({
            "zu": {"delta_norm_ffn": [3, 1, 1.5, 2], "delta_norm_att": [1, 1, 1, 1]},
            "ar": {"delta_norm_ffn": [3, 1, 1.5, 2.8]}})");
    }
    std::string similarity() {
        return file("similarity.json", R"({"languages": ["zu", "xh", "ar", "he"], "similarity":
            [[1, 0.5, 0.1, 0.2], [0.5, 1, 0.2, 0.1], [0.1, 0.2, 1, 0.25], [0.2, 0.1, 0.25, 1]]})");
    }

private:
    test::TemporaryFolder folder_;
};

TEST_F(GroupingTest, LayersAreChosenByThresholdOrByNumber) {
    // z = 1, 0, 0.25, 0.7 and for ar alone 1, 0, 0.25, 0.9.
    Words words{"group", "layers", "--deviation=" + deviation()};
    auto const json = json_of(words);
    EXPECT_EQ(json["layers"].dump(), "[0,3]");
    EXPECT_EQ(json["mask"].dump(), "9");
    EXPECT_EQ(json["normalised"].size(), 4U);
    EXPECT_NE(run(words).out.find("mask 9"), std::string::npos);
    words.emplace_back("--layers=3");
    EXPECT_EQ(json_of(words)["layers"].dump(), "[0,2,3]");
    words.back() = "--threshold=0.8";
    EXPECT_EQ(json_of(words)["layers"].dump(), "[0]");
    words.emplace_back("--languages=ar");
    EXPECT_EQ(json_of(words)["layers"].dump(), "[0,3]");
    words.emplace_back("--layers=3");
    expect_fault(words, 2, "give threshold or layers, not both");
    expect_fault({words[0], words[1], words[2], "--languages=fr"}, 2, "it has zu ar");
}

TEST_F(GroupingTest, GroupsAreTheSameOnRanksAndInTheFile) {
    auto const out = (folder() / "groups.json").string();
    Words const words{"group", "cluster", "--similarity=" + similarity(), "--groups=2"};
    auto with_out = words;
    with_out.push_back("--out=" + out);
    auto const json = json_of(with_out);
    EXPECT_EQ(json["groups"].dump(), R"([["zu","xh"],["ar","he"]])");
    EXPECT_EQ(json["objective"], 0.75);
    EXPECT_EQ(json, read_json(out));
    EXPECT_EQ(json_of(words, 3), json);
    for (auto const* method : {"linkage", "balanced"}) {
        auto with_method = words;
        with_method.push_back(std::string("--method=") + method);
        EXPECT_EQ(json_of(with_method)["groups"], json["groups"]);
    }
    auto const table = run(words, 2);
    EXPECT_EQ(table.code, 0) << table;
    EXPECT_EQ(table.out.find("zu xh"), table.out.rfind("zu xh")) << "printed by every rank";
}

TEST_F(GroupingTest, GroupsThatDoNotDivideWriteNothing) {
    auto const out = (folder() / "none.json").string();
    Words words{"group", "cluster", "--similarity=" + similarity(), "--groups=3", "--out=" + out};
    expect_fault(words, 2, "give one of 1, 2, 4, or --method balanced");
    EXPECT_FALSE(std::filesystem::exists(out));
    words.emplace_back("--method=balanced");
    EXPECT_EQ(json_of(words)["groups"].size(), 3U);
}

TEST_F(GroupingTest, ExpertsAreSharedOutAndAddedToExistingOnes) {
    auto const similar = file("s.json", R"({"similarity": [0.25, 0.5, 0.5]})");
    Words words{"expand", "allocate", "--similarity=" + similar, "--budget=9"};
    auto json = json_of(words);  // shares 4.5, 2.25, 2.25
    EXPECT_EQ(json["experts"].dump(), "[5,3,3]");
    EXPECT_EQ(json["total"], 11);
    EXPECT_EQ(json["new"], 8);
    EXPECT_EQ(json["added"].dump(), "[4,2,2]");
    EXPECT_NE(run(words).out.find("--experts 4,2,2"), std::string::npos);

    words.emplace_back("--exact-budget");
    EXPECT_EQ(json_of(words)["experts"].dump(), "[5,2,2]");
    words.emplace_back("--existing=5,4,3");
    EXPECT_EQ(json_of(words)["experts"].dump(), "[9,5,4]");
    words.back() = "--existing=" + file("old.json", R"({"experts": [2, 2, 1]})");
    json = json_of(words);
    EXPECT_EQ(json["experts"].dump(), "[6,3,2]");
    EXPECT_EQ(json["new"], 6);
    words.back() = "--existing=5,4";
    expect_fault(words, 3, "has 3 layers and existing = 5,4 has 2");
    words.back() = "--existing=gone.json";
    expect_fault(words, 2, "is no file, no checkpoint, and no list");
    expect_fault(
        {"expand", "allocate", "--similarity=" + similar, "--budget=2"}, 2, "give at least 3"
    );
}

TEST_F(GroupingTest, WhatPythonWritesForNoNumberIsNamed) {
    auto const nan = file("nan.json", R"({"similarity": [0.25, NaN]})");
    expect_fault(
        {"expand", "allocate", "--similarity=" + nan, "--budget=9"}, 3,
        "nan.json, layer 1: \"NaN\" is no finite number"
    );
    expect_fault(
        {"group", "cluster", "--similarity=" + nan, "--groups=1"}, 3, "\"languages\" is missing"
    );
    expect_fault(
        {"group", "layers", "--deviation=" + (folder() / "gone.json").string()}, 3, "gone.json"
    );
}

TEST_F(GroupingTest, PublishedModelsAreCountedFromTheirConfigAlone) {
    Words words{
        "model",
        "create",
        "--dry-run",
        "--model.vocab-size=250880",
        "--model.layers=24",
        "--model.width=1024",
        "--model.heads=16",
        "--model.norm=layer",
        "--model.position=alibi",
        "--model.feed-forward=gelu",
        "--model.embedding-norm",
        "--model.linear-bias",
        "--model.qkv-bias",
        "--model.tied-embeddings"};
    auto const dense = json_of(words);
    EXPECT_EQ(dense["parameters"], 559214592);
    words.emplace_back("--model.experts=6,6,6,6,6,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,6,6,6,6");
    EXPECT_EQ(json_of(words)["parameters"], 559214592 + 5 * 9 * 8393728 + 9 * 6 * 1024);
}

}  // namespace
}  // namespace isogloss

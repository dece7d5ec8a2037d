// train/evaluation_change_test.cpp - drift between two evaluations, by hand.
#include "train/evaluation_change.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace isogloss {
namespace {

// A score of `bits` bits per byte on 64 bytes in 32 tokens.
LanguageScore score(std::string const& language, double bits) {
    return {language, bits * std::numbers::ln2 * 64.0, 32, 64.0};
}

LayerShares layer_of(
    std::int32_t layer,
    std::vector<std::int32_t> generation,
    std::map<std::string, std::vector<double>> share
) {
    LayerShares shares;
    shares.layer = layer;
    shares.group.resize(generation.size());
    shares.generation = std::move(generation);
    shares.share = std::move(share);
    return shares;
}

EvaluationRecord before() {
    EvaluationRecord record;
    record.checkpoint = "base";
    record.protocol = {{"name", "rows"}, {"row_length", 8}};
    record.scores = {score("el", 3.0), score("en", 1.5)};
    record.shares =
        RoutingShares{{layer_of(1, {0, 0}, {{"el", {0.75, 0.25}}, {"en", {0.5, 0.5}}})}};
    return record;
}

// Layer 0 had one expert; layer 1 had two.
EvaluationRecord after() {
    auto record = before();
    record.checkpoint = "grown";
    record.scores = {score("el", 2.0), score("en", 1.75)};
    record.shares = RoutingShares{
        {layer_of(0, {0, 1}, {{"el", {0.0, 1.0}}, {"en", {0.75, 0.25}}}),
         layer_of(1, {0, 0, 1}, {{"el", {0.25, 0.25, 0.5}}, {"en", {0.5, 0.5, 0.0}}})}};
    return record;
}

TEST(EvaluationChangeTest, MovesAreTotalVariationAndTheShareOfNewExperts) {
    auto const change = evaluation_change(before(), after());
    ASSERT_EQ(change.layers.size(), 2U);
    auto const& dense = change.layers[0];
    EXPECT_EQ(dense.layer, 0);
    EXPECT_EQ(dense.old_experts, 1);
    EXPECT_EQ(dense.experts, 2);
    EXPECT_EQ(dense.moves.at("el").to_new, 1.0);
    EXPECT_TRUE(std::isnan(dense.moves.at("el").among_old));  // nothing stayed with the old
    EXPECT_EQ(dense.moves.at("en").to_new, 0.25);
    EXPECT_EQ(dense.moves.at("en").among_old, 0.0);  // one expert has nowhere to move to
    auto const& routed = change.layers[1];
    EXPECT_EQ(routed.old_experts, 2);
    EXPECT_EQ(routed.moves.at("el").to_new, 0.5);
    // among the old {0.5, 0.5} of {0.75, 0.25}: (0.25 + 0.25) / 2
    EXPECT_EQ(routed.moves.at("el").among_old, 0.25);
    EXPECT_EQ(routed.moves.at("en").to_new, 0.0);
    EXPECT_EQ(routed.moves.at("en").among_old, 0.0);
    EXPECT_EQ(change.mean_move("el").to_new, 0.75);
    EXPECT_EQ(change.mean_move("el").among_old, 0.25);  // of the one layer that has it
    EXPECT_EQ(change.mean_move("en").to_new, 0.125);
}

TEST(EvaluationChangeTest, ScoresChangeByAfterMinusBefore) {
    auto const change = evaluation_change(before(), after());
    ASSERT_EQ(change.languages.size(), 2U);
    EXPECT_EQ(change.languages[0].language, "el");
    EXPECT_NEAR(change.languages[0].change(), -1.0, 1e-12);  // one rounding of a product
    EXPECT_NEAR(change.languages[1].change(), 0.25, 1e-12);
    auto const json = to_json(change);
    EXPECT_NEAR(json["languages"]["en"]["bits_per_byte"]["after"].get<double>(), 1.75, 1e-12);
    EXPECT_EQ(json["languages"]["el"]["to_new"], 0.75);
    EXPECT_EQ(json["layers"][1]["among_old"]["el"], 0.25);
    EXPECT_TRUE(Json::parse(json.dump())["layers"][0]["among_old"]["el"].is_null());
    auto const text = to_table(change).text();
    for (auto const* part : {"-1.0000", "0.2500", "75.0", "12.5"}) {
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    }
    auto const layers = layer_table(change).text();
    for (auto const* part : {"1 + 1", "2 + 1", "100.0 / -", "50.0 / 25.0"}) {
        EXPECT_NE(layers.find(part), std::string::npos) << part << "\n" << layers;
    }
    EXPECT_LT(text.find("75.0"), text.find("25.0")) << text;  // to new experts, then among old
}

// Three quarters of what stayed with the old experts went to the second of them: {0.1, 0.3} of 0.4
// is {0.25, 0.75}, each 0.5 off {0.75, 0.25}. Of two new experts both count.
TEST(EvaluationChangeTest, SharesOfOldExpertsAreOfWhatStayedWithThem) {
    auto second = after();
    second.shares->layers[1] = layer_of(1, {0, 0, 1, 1}, {{"el", {0.1, 0.3, 0.35, 0.25}}});
    auto const move = evaluation_change(before(), second).layers.at(1).moves.at("el");
    EXPECT_DOUBLE_EQ(move.to_new, 0.6);
    EXPECT_DOUBLE_EQ(move.among_old, 0.5);
}

TEST(EvaluationChangeTest, ALanguageThatOneHasNoSharesOfHasNoMoves) {
    auto first = before();
    first.shares->layers[0].share.erase("el");
    auto const moves = evaluation_change(first, after()).layers.at(1).moves;
    EXPECT_EQ(moves.count("el"), 0U);
    EXPECT_EQ(moves.count("en"), 1U);
}

TEST(EvaluationChangeTest, ScoresAloneAreEnough) {
    auto first = before();
    first.shares.reset();
    auto const change = evaluation_change(first, after());
    EXPECT_TRUE(change.layers.empty());
    EXPECT_TRUE(std::isnan(change.mean_move("el").to_new));
    EXPECT_NE(to_table(change).text().find("-"), std::string::npos);
}

TEST(EvaluationChangeTest, WhatDoesNotCompareIsRefused) {
    auto const refuse = [](EvaluationRecord const& a, EvaluationRecord const& b, auto const& text) {
        test::expect_error(Exit::data, text, [&] { evaluation_change(a, b); });
    };
    auto other = after();
    other.protocol["row_length"] = 16;
    refuse(before(), other, "protocols");
    other = after();
    other.scores[0].bytes_of_text = 65.0;
    refuse(before(), other, "el was scored on 64 bytes of text, then on 65");
    other = after();
    other.scores = {score("tr", 2.0)};
    refuse(before(), other, "no language in common");
    refuse(after(), before(), "older evaluation first");
}

class EvaluationRecordTest : public testing::Test {
protected:
    [[nodiscard]] std::filesystem::path write(Json const& json) const {
        write_json(folder_ / "scores.json", json);
        return folder_ / "scores.json";
    }
    test::TemporaryFolder folder_;
};

TEST_F(EvaluationRecordTest, WhatIsReadIsWhatWasWritten) {
    auto const written = after();
    auto const read = read_evaluation(write(to_json(written)));
    EXPECT_EQ(read.checkpoint, "grown");
    EXPECT_EQ(read.protocol, written.protocol);
    ASSERT_EQ(read.scores.size(), 2U);
    EXPECT_EQ(read.scores[1].language, "en");
    EXPECT_EQ(read.scores[1].targets, 32);
    EXPECT_NEAR(read.scores[1].bits_per_byte(), 1.75, 1e-12);
    ASSERT_TRUE(read.shares.has_value());
    EXPECT_EQ(to_json(*read.shares), to_json(*written.shares));
}

TEST_F(EvaluationRecordTest, FaultsNameFileAndKey) {
    auto const refuse = [&](Json const& json, std::string const& text) {
        auto const path = write(json);
        test::expect_error(Exit::data, text, [&] { read_evaluation(path); });
        test::expect_error(Exit::data, "scores.json", [&] { read_evaluation(path); });
    };
    auto json = to_json(after());
    json.erase("languages");
    refuse(json, "\"languages\"");
    json = to_json(after());
    json["languages"]["el"].erase("bytes");
    refuse(json, "\"bytes\"");
    json = to_json(after());
    json["shares"]["layers"][1]["share"]["el"] = {0.5, 0.5};
    refuse(json, "layer 1 has 3 experts");
    json["shares"]["layers"][1]["share"]["el"] = {0.5, 0.5, 1.5};
    refuse(json, "1.5");
    json = to_json(after());
    json["shares"]["layers"][1]["layer"] = 0;
    refuse(json, "layers must rise");
}

}  // namespace
}  // namespace isogloss

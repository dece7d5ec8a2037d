// train/routing_shares_test.cpp - shares of choices and what tables make of them, by hand.
#include "train/routing_shares.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace isogloss {
namespace {

// Layer 0: one expert. Layer 1: experts of generations 0, 1. Layer 2: of 0, 0, 1.
ModelConfig grown_model() {
    ModelConfig config;
    config.layers.resize(3);
    config.layers[1].experts = {{0, -1, "en,zh", true}, {1, 0, "el, hu", true}};
    config.layers[2].experts = {{0, -1, "", true}, {0, -1, "en,zh", true}, {1, 0, "el, hu", true}};
    return config;
}

PassResult pass_of(
    std::vector<std::int64_t> const& second, std::vector<std::int64_t> const& third
) {
    PassResult pass;
    pass.expert_tokens = {{}, second, third};
    pass.classifiers.resize(3);
    return pass;
}

RoutingShares shares_of_two_languages() {
    auto const config = grown_model();
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    auto const self = MpiComm::split(MPI_COMM_WORLD, rank, 0);
    RoutingShares shares;
    RoutingTally el(config);
    auto first = pass_of({1, 3}, {0, 1, 3});
    first.classifiers[1] = {.decisions = 4, .correct = 4, .old_class = 1};
    el.add(first);
    el.add(pass_of({1, 3}, {2, 1, 1}));
    el.reduce(self);
    el.add_to(shares, "el");
    RoutingTally en(config);
    en.add(pass_of({0, 0}, {4, 0, 0}));
    en.reduce(self);
    en.add_to(shares, "en");
    return shares;
}

TEST(RoutingSharesTest, SharesAreCountsOverAllChoices) {
    auto const shares = shares_of_two_languages();
    ASSERT_EQ(shares.layers.size(), 2U);
    EXPECT_EQ(shares.layers[0].layer, 1);
    EXPECT_EQ(shares.layers[0].generation, (std::vector<std::int32_t>{0, 1}));
    EXPECT_EQ(shares.layers[1].group[2], "el, hu");
    EXPECT_EQ(shares.layers[0].share.at("el"), (std::vector<double>{0.25, 0.75}));
    EXPECT_EQ(shares.layers[1].share.at("el"), (std::vector<double>{0.25, 0.25, 0.5}));
    EXPECT_EQ(shares.layers[0].class_zero.at("el"), 0.25);
    EXPECT_EQ(shares.layers[0].class_zero.count("en"), 0U);
    EXPECT_EQ(shares.layers[0].share.at("en"), (std::vector<double>{0.0, 0.0}));  // no choice
}

// Rank 0 alone saw el, and rank r of P gave hu r + 1 and 1 choices in layer 1, with r of 4
// decisions for class 0: in all P (P + 1) / 2 and P choices, and (P - 1) P / 2 of 4 P decisions.
TEST(RoutingSharesTest, EveryRankHasTheCountsOfAll) {
    auto const world = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    auto const config = grown_model();
    auto const rank = world.rank();
    RoutingShares shares;
    RoutingTally el(config);
    el.add(rank == 0 ? pass_of({1, 3}, {0, 1, 3}) : pass_of({0, 0}, {0, 0, 0}));
    el.reduce(world);
    el.add_to(shares, "el");
    RoutingTally hu(config);
    auto pass = pass_of({rank + 1, 1}, {0, 2, 0});
    pass.classifiers[1] = {.decisions = 4, .correct = 0, .old_class = rank};
    hu.add(pass);
    hu.reduce(world);
    hu.add_to(shares, "hu");
    auto const ranks = static_cast<double>(world.size());
    auto const first = ranks * (ranks + 1.0) / 2.0;
    ASSERT_EQ(shares.layers.size(), 2U);
    EXPECT_EQ(shares.layers[0].share.at("el"), (std::vector<double>{0.25, 0.75}));
    EXPECT_EQ(shares.layers[1].share.at("el"), (std::vector<double>{0.0, 0.25, 0.75}));
    EXPECT_DOUBLE_EQ(shares.layers[0].share.at("hu")[0], first / (first + ranks));
    EXPECT_DOUBLE_EQ(shares.layers[0].share.at("hu")[1], ranks / (first + ranks));
    EXPECT_EQ(shares.layers[1].share.at("hu"), (std::vector<double>{0.0, 1.0, 0.0}));
    EXPECT_EQ(shares.layers[0].class_zero.count("el"), 0U);
    EXPECT_DOUBLE_EQ(shares.layers[0].class_zero.at("hu"), (ranks - 1.0) / 8.0);
}

TEST(RoutingSharesTest, JsonGoesThereAndBack) {
    auto const shares = shares_of_two_languages();
    auto const json = Json::parse(to_json(shares).dump());
    EXPECT_EQ(json["layers"][0]["experts"], 2);
    EXPECT_EQ(json["layers"][1]["share"]["en"], Json::parse("[1.0, 0.0, 0.0]"));
    EXPECT_EQ(to_json(routing_shares(json, "test")), to_json(shares));
}

std::vector<std::string> words_of(std::string const& text) {
    std::istringstream words(text);
    return {std::istream_iterator<std::string>(words), std::istream_iterator<std::string>()};
}

TEST(RoutingSharesTest, TablesSayOwnExpertsGenerationsAndClasses) {
    auto const shares = shares_of_two_languages();
    auto const text = to_table(shares, {"el", "en"}).text();
    auto const cells = words_of(text);
    std::vector<std::string> const header{"language",   "own", "experts", "generation", "0",
                                          "generation", "1",   "class",   "0"};
    ASSERT_GE(cells.size(), header.size());
    EXPECT_TRUE(std::equal(header.begin(), header.end(), cells.begin())) << text;
    // el: own (0.75 + 0.5) / 2, generation 0 (0.25 + 0.5) / 2, generation 1 what is left; class 0
    // in the one layer asked. en: own are expert 0 and then 1, and all its choices went to expert 0
    // of the second layer.
    std::vector<std::string> const el{"el", "62.5", "%", "37.5", "%", "62.5", "%", "25.0", "%"};
    std::vector<std::string> const en{"en", "0.0", "%", "50.0", "%", "0.0", "%"};
    for (auto const& row : {el, en}) {
        auto const found = std::ranges::find(cells, row.front());
        ASSERT_GE(cells.end() - found, static_cast<std::ptrdiff_t>(row.size())) << text;
        EXPECT_TRUE(std::equal(row.begin(), row.end(), found)) << text;
    }
    EXPECT_EQ(text.find("most used"), std::string::npos) << "numbers differ from layer to layer";
    auto const layers = layer_table(shares, {"el", "en"}).text();
    for (auto const* part : {"1: 75.0 %", "2: 50.0 %", "0: 100.0 %"}) {
        EXPECT_NE(layers.find(part), std::string::npos) << part << "\n" << layers;
    }
}

TEST(RoutingSharesTest, EquallyManyExpertsAreNamedByNumber) {
    auto shares = shares_of_two_languages();
    shares.layers.erase(shares.layers.begin());
    auto const text = to_table(shares, {"el"}).text();
    EXPECT_NE(text.find("2 50.0 %, 0 25.0 %"), std::string::npos) << text;
}

}  // namespace
}  // namespace isogloss

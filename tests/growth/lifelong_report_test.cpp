// growth/lifelong_report_test.cpp - what was forgotten, by hand.
#include "growth/lifelong_report.h"

#include <gtest/gtest.h>

#include <cmath>

namespace isogloss {
namespace {

LifelongReport two_stages() {
    StageResult base;
    base.name = "base";
    base.languages = {"en", "zh"};
    base.bits_per_byte = {{"en", 1.5}, {"zh", 1.25}, {"el", 3.0}};
    StageResult next;
    next.name = "el";
    next.languages = {"el"};
    next.bits_per_byte = {{"en", 1.625}, {"zh", 1.0}, {"el", 1.75}};
    next.new_experts = 3;
    next.growth_bytes = 4096;
    next.old_experts = 8;
    next.old_experts_kept = 7;
    next.backbone_tensors = 10;
    next.backbone_kept = 10;
    return {{base, next}};
}

TEST(LifelongReportTest, ForgettingIsNowMinusWhenLearned) {
    auto const report = two_stages();
    EXPECT_EQ(report.forgetting("en"), 0.125);
    EXPECT_EQ(report.forgetting("zh"), -0.25);  // better than it was
    EXPECT_EQ(report.forgetting("el"), 0.0);
    EXPECT_TRUE(std::isnan(report.forgetting("fr")));
    EXPECT_TRUE(std::isnan(report.score("fr", 0)));
    EXPECT_EQ(report.score("el", 0), 3.0);
}

TEST(LifelongReportTest, TablesHaveEveryLanguageAndStage) {
    auto const report = two_stages();
    auto const languages = language_table(report).text();
    for (auto const* part :
         {"after base", "after el", "forgetting", "en", "1.500", "1.625", "0.125", "-0.250"}) {
        EXPECT_NE(languages.find(part), std::string::npos) << part << "\n" << languages;
    }
    auto const growth = growth_table(report).text();
    for (auto const* part : {"4096", "7 of 8", "10 of 10 tensors"}) {
        EXPECT_NE(growth.find(part), std::string::npos) << part << "\n" << growth;
    }
    EXPECT_EQ(growth.find("base"), std::string::npos);  // the base adds nothing
}

TEST(LifelongReportTest, JsonHasTheSameNumbers) {
    auto const json = to_json(two_stages());
    ASSERT_TRUE(json.contains("stages")) << json.dump();
    auto const& next = json["stages"][1];
    EXPECT_EQ(next["bits_per_byte"]["en"], 1.625);
    EXPECT_EQ(next["growth_bytes"], 4096);
    EXPECT_EQ(next["old_experts_kept"], 7);
}

// Numbers that are sums of powers of two, so that all differences are exact.
//            base   el    tr    bn
//   en (0)   1.5    1.75  1.625 2.0
//   zh (0)   1.25   1.0   1.5   1.125
//   el (1)   3.0    2.0   2.25  2.5
//   tr (2)   4.0    3.5   2.5   2.25
//   bn (3)   5.0    5.25  4.5   3.0
LifelongReport four_stages() {
    LifelongReport report;
    std::vector<std::vector<std::string>> const learned{{"en", "zh"}, {"el"}, {"tr"}, {"bn"}};
    std::map<std::string, std::vector<double>> const scores{
        {"en", {1.5, 1.75, 1.625, 2.0}},
        {"zh", {1.25, 1.0, 1.5, 1.125}},
        {"el", {3.0, 2.0, 2.25, 2.5}},
        {"tr", {4.0, 3.5, 2.5, 2.25}},
        {"bn", {5.0, 5.25, 4.5, 3.0}}};
    for (std::size_t s = 0; s < learned.size(); ++s) {
        StageResult stage;
        stage.name = s == 0 ? "base" : learned[s][0];
        stage.languages = learned[s];
        for (auto const& [language, its] : scores) {
            stage.bits_per_byte[language] = its[s];
        }
        report.stages.push_back(stage);
    }
    return report;
}

TEST(LifelongReportTest, ForgettingIsAgainstLearningAndAgainstTheBest) {
    auto const report = four_stages();
    EXPECT_EQ(report.forgetting("en", 0), 0.0);
    EXPECT_EQ(report.forgetting("en", 2), 0.125);
    EXPECT_EQ(report.forgetting("zh", 1), -0.25);
    EXPECT_TRUE(std::isnan(report.forgetting("el", 0)));  // not learned yet
    EXPECT_EQ(report.forgetting_from_best("en"), 0.5);    // 2.0 - 1.5
    EXPECT_EQ(report.forgetting_from_best("zh"), 0.125);  // 1.125 - 1.0, while forgetting is -0.125
    EXPECT_EQ(report.forgetting_from_best("el"), 0.5);
    EXPECT_EQ(report.forgetting_from_best("tr"), -0.25);  // never better than now
    EXPECT_TRUE(std::isnan(report.forgetting_from_best("bn")));
    EXPECT_EQ(report.mean_forgetting(0, 3), 0.1875);  // (0.5 - 0.125) / 2
    EXPECT_EQ(report.mean_forgetting(1, 3), 0.5);
    EXPECT_TRUE(std::isnan(report.mean_forgetting(2, 1)));
    // en -0.5, zh 0.125, el -0.5, tr 0.25; bn has no later stage.
    EXPECT_EQ(report.mean_backward_transfer(), -0.15625);
}

TEST(LifelongReportTest, ForwardTransferIsTheSumOfZeroShotEffects) {
    auto const report = four_stages();
    EXPECT_EQ(report.zero_shot_effect("tr", 1), 0.5);
    EXPECT_EQ(report.zero_shot_effect("bn", 1), -0.25);
    EXPECT_EQ(report.zero_shot_effect("bn", 2), 0.75);
    EXPECT_TRUE(std::isnan(report.zero_shot_effect("bn", 0)));  // nothing is before the base
    EXPECT_TRUE(std::isnan(report.zero_shot_effect("bn", 3)));  // that is learning
    EXPECT_EQ(report.forward_transfer("tr"), 0.5);
    EXPECT_EQ(report.forward_transfer("bn"), 0.5);
    EXPECT_TRUE(std::isnan(report.forward_transfer("en")));
    EXPECT_TRUE(std::isnan(report.forward_transfer("el")));  // the base is the stage before it
    EXPECT_TRUE(std::isnan(report.forward_transfer("fr")));
    EXPECT_EQ(report.learning_gain("el"), 1.0);
    EXPECT_EQ(report.learning_gain("bn"), 1.5);
    EXPECT_TRUE(std::isnan(report.learning_gain("zh")));
    EXPECT_EQ(report.mean_forward_transfer(), 0.5);
}

TEST(LifelongReportTest, TransferStandsInTablesAndJson) {
    auto const report = four_stages();
    auto const json = to_json(report);
    EXPECT_EQ(json["forgetting"], Json::parse(R"({"en":0.5,"zh":-0.125,"el":0.5,"tr":-0.25})"));
    EXPECT_EQ(json["forward_transfer"], Json::parse(R"({"tr":0.5,"bn":0.5})"));
    EXPECT_EQ(json["forgetting_after_stage"]["zh"][2], 0.25);
    // What is not a number is null for readers of the text.
    auto const read = Json::parse(json.dump());
    EXPECT_TRUE(read["forgetting_after_stage"]["bn"][0].is_null());
    EXPECT_EQ(read["zero_shot_effect"]["bn"], Json::parse("[null,-0.25,0.75,null]"));
    EXPECT_EQ(json["mean_backward_transfer"], -0.15625);
    EXPECT_EQ(json["learning_gain"]["tr"], 1.0);
    auto const transfer = transfer_table(report).text();
    for (auto const* part : {"forward transfer", "learning gain", "mean", "0.156", "0.500"}) {
        EXPECT_NE(transfer.find(part), std::string::npos) << part << "\n" << transfer;
    }
    auto const matrix = forgetting_table(report).text();
    for (auto const* part : {"learned in", "after bn", "0.188", "-0.250"}) {
        EXPECT_NE(matrix.find(part), std::string::npos) << part << "\n" << matrix;
    }
}

}  // namespace
}  // namespace isogloss

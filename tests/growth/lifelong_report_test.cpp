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

}  // namespace
}  // namespace isogloss

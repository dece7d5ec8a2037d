// train/given_weights_test.cpp - words of data.weights, good and bad.
#include "train/given_weights.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace isogloss {
namespace {

using Words = std::vector<std::string>;

bool has_part(GivenWeights const& given, std::string const& part) {
    return std::ranges::any_of(given.faults, [&](std::string const& fault) {
        return fault.find(part) != std::string::npos;
    });
}

TEST(GivenWeightsTest, TagsStandInAnyOrder) {
    auto const given = read_given_weights({"hu=2", "zh-Hant=0.5"}, {"zh-Hant", "hu"});
    EXPECT_TRUE(given.faults.empty());
    EXPECT_EQ(given.tags, (Words{"hu", "zh-Hant"}));
    EXPECT_EQ(given.weights, (std::vector{2.0, 0.5}));
}

TEST(GivenWeightsTest, NumbersStandInTheOrderOfTheLanguages) {
    auto const given = read_given_weights({"2", "0.5"}, {"zh", "hu"});
    EXPECT_TRUE(given.faults.empty());
    EXPECT_EQ(given.tags, (Words{"zh", "hu"}));
    EXPECT_EQ(given.weights, (std::vector{2.0, 0.5}));
}

TEST(GivenWeightsTest, AllFaultsAreFound) {
    auto const given = read_given_weights(
        {"hu=2", "hu=3", "el", "=4", "en=x", "de=-1", "fr=0", "es=inf"}, {"hu", "de", "fr", "zh"}
    );
    EXPECT_TRUE(has_part(given, "hu is named twice"));
    EXPECT_TRUE(has_part(given, "\"el\" is no TAG=WEIGHT"));
    EXPECT_TRUE(has_part(given, "\"=4\" is no TAG=WEIGHT"));
    EXPECT_TRUE(has_part(given, "\"en=x\" is no TAG=WEIGHT"));
    EXPECT_TRUE(has_part(given, "de=-1: every weight must be > 0"));
    EXPECT_TRUE(has_part(given, "fr=0: every weight must be > 0"));
    EXPECT_TRUE(has_part(given, "no weight for zh:"));
    EXPECT_TRUE(has_part(given, "data.weights names es:") || has_part(given, "\"es=inf\""));
    EXPECT_EQ(given.faults.size(), has_part(given, "\"es=inf\"") ? 8U : 9U);
}

TEST(GivenWeightsTest, NumbersAreAsManyAsLanguages) {
    EXPECT_TRUE(has_part(read_given_weights({"1", "2"}, {"el"}), "2 numbers for 1 languages"));
    EXPECT_TRUE(has_part(read_given_weights({"1"}, {}), "1 numbers for 0 languages"));
    EXPECT_TRUE(has_part(read_given_weights({"one"}, {"el"}), "\"one\" is no TAG=WEIGHT"));
}

}  // namespace
}  // namespace isogloss

// model/language_groups_test.cpp
#include "model/language_groups.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace isogloss {
namespace {

// Layer 0 dense, layers 1 and 2 with a group an expert.
ModelConfig grouped() {
    ModelConfig config;
    config.layers.resize(3);
    for (std::size_t const layer : {1U, 2U}) {
        auto& experts = config.layers[layer].experts;
        experts.resize(3);
        experts[0].group = "ru,uk";
        experts[1].group = "de, nl";
        experts[2].group = "zh-Hant";
    }
    return config;
}

TEST(LanguageGroupsTest, ALanguageBelongsToTheExpertThatListsIt) {
    auto const config = grouped();
    EXPECT_EQ(hard_expert_of(config, "ru"), 0);
    EXPECT_EQ(hard_expert_of(config, "uk"), 0);
    EXPECT_EQ(hard_expert_of(config, "nl"), 1);
    EXPECT_EQ(hard_expert_of(config, "zh-Hant"), 2);
}

TEST(LanguageGroupsTest, RefusesWhatHasNoOneExpert) {
    auto config = grouped();
    test::expect_error(Exit::usage, "no expert of layer 1 has zh in its group", [&] {
        hard_expert_of(config, "zh");
    });
    config.layers[2].experts[0].group = "de";
    config.layers[2].experts[1].group = "ru,uk";
    test::expect_error(
        Exit::usage, "ru belongs to expert 0 in layer 1, to expert 1 in layer 2",
        [&] { hard_expert_of(config, "ru"); }
    );
    config.layers[1].experts[2].group = "uk";
    test::expect_error(Exit::usage, "layer 1 has uk in the groups of experts 0 and 2", [&] {
        hard_expert_of(config, "uk");
    });
    config.layers.resize(1);
    test::expect_error(Exit::usage, "no layer with more than one expert", [&] {
        hard_expert_of(config, "ru");
    });
}

TEST(LanguageGroupsTest, OlderExpertsAreThoseBeforeTheNewestGeneration) {
    auto config = grouped();
    EXPECT_EQ(config.older_experts(1), 3);  // never grew: all
    config.layers[1].experts[2].generation = 2;
    config.layers[2].experts[1].generation = 1;
    config.layers[2].experts[2].generation = 1;
    EXPECT_EQ(config.newest_generation(), 2);
    EXPECT_EQ(config.older_experts(0), 1);
    EXPECT_EQ(config.older_experts(1), 2);
    EXPECT_EQ(config.older_experts(2), 3);
}

}  // namespace
}  // namespace isogloss

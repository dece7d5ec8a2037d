// model/config_test.cpp - every rule of a config, broken one at a time and all at once.
#include "model/config.h"

#include <gtest/gtest.h>

#include <limits>

namespace isogloss {
namespace {

ModelConfig valid() {
    ModelConfig config;
    config.vocab_size = 100;
    config.layers.resize(2);
    return config;
}

// The one fault of `config` must name `key`.
void expect_fault(ModelConfig const& config, std::string const& key) {
    auto const found = problems(config);
    ASSERT_EQ(found.size(), 1U) << key;
    EXPECT_NE(found[0].find(key), std::string::npos) << found[0];
}

TEST(ModelConfigTest, DefaultsWithAVocabularyAndLayersAreValid) {
    EXPECT_TRUE(problems(valid()).empty());
}

TEST(ModelConfigTest, EachFaultNamesItsKeyAndValue) {
    auto config = valid();
    config.vocab_size = 0;
    expect_fault(config, "model.vocab_size = 0");
    config = valid();
    config.num_kv_heads = 3;
    expect_fault(config, "model.kv_heads = 3");
    config = valid();
    config.head_width = 7;
    expect_fault(config, "model.head_width = 7");
    config = valid();
    config.top_k = 0;
    expect_fault(config, "model.top_k = 0");
    config = valid();
    config.norm_epsilon = 0.0F;
    expect_fault(config, "model.norm_epsilon = 0");
    config = valid();
    config.rope_theta = std::numeric_limits<float>::quiet_NaN();
    expect_fault(config, "model.rope_theta = nan");
    config = valid();
    config.dtype = DType::i32;
    expect_fault(config, "model.dtype");
    config = valid();
    config.rope_scaling = {.kind = RopeScalingKind::linear, .factor = 0.0F};
    expect_fault(config, "model.rope_factor = 0");
    config.rope_scaling = {RopeScalingKind::llama3, 8.0F, 4.0F, 4.0F, 512};
    expect_fault(config, "model.rope_low_frequency = 4");
    config.rope_scaling = {RopeScalingKind::llama3, 8.0F, 1.0F, 4.0F, 0};
    expect_fault(config, "model.rope_original_positions = 0");
    config.rope_scaling.original_positions = 512;
    config.family.position = PositionKind::alibi;
    expect_fault(config, "model.rope_scaling = llama3");
    config = valid();
    config.layers.clear();
    expect_fault(config, "model.layers = 0");
    config = valid();
    config.layers[1].experts.clear();
    expect_fault(config, "layer 1");
    config = valid();
    config.layers[1].shared_hidden = -1;
    expect_fault(config, "layer 1: shared_expert_hidden = -1");
    config.layers[1].shared_hidden = 8;
    expect_fault(config, "layer 1: shared_expert_hidden = 8, but only one expert");
    config.layers[1].experts.resize(2);
    EXPECT_TRUE(problems(config).empty());
}

TEST(ModelConfigTest, AnExpertsParentComesBeforeIt) {
    auto config = valid();
    config.layers[0].experts.resize(3);
    config.layers[0].experts[2].parent = 1;
    EXPECT_TRUE(problems(config).empty());
    config.layers[0].experts[2].parent = 2;
    expect_fault(config, "layer 0, expert 2: parent = 2");
}

TEST(ModelConfigTest, AllFaultsAreFoundAtOnce) {
    auto config = valid();
    config.width = 0;
    config.head_width = 5;
    config.max_positions = -1;
    EXPECT_EQ(problems(config).size(), 3U);
}

TEST(ModelConfigTest, ATokenVisitsAtMostTheExpertsThatThereAre) {
    auto config = valid();
    config.top_k = 3;
    config.layers[0].experts.resize(2);
    config.layers[1].experts.resize(5);
    EXPECT_EQ(config.choices(0), 2);
    EXPECT_EQ(config.choices(1), 3);
    EXPECT_EQ(config.experts_per_layer(), (std::vector<std::int32_t>{2, 5}));
}

}  // namespace
}  // namespace isogloss

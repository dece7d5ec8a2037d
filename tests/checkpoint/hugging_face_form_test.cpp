// checkpoint/hugging_face_form_test.cpp
#include "checkpoint/hugging_face_form.h"

#include <gtest/gtest.h>

#include <set>

#include "checkpoint/hugging_face_names.h"
#include "support/checkpoint_fixture.h"

namespace isogloss {
namespace {

ModelConfig with_experts(std::vector<std::size_t> const& experts) {
    auto config = test::small_config();
    config.qkv_bias = false;
    config.layers.assign(experts.size(), {});
    for (std::size_t i = 0; i < experts.size(); ++i) {
        config.layers[i].experts.resize(experts[i]);
    }
    return config;
}

TEST(HuggingFaceFormTest, TheLibrarysOwnClassesComeFirst) {
    auto config = with_experts({1, 1});
    EXPECT_EQ(fitting_form(config), ForeignForm::llama);
    config.qkv_bias = true;
    EXPECT_EQ(fitting_form(config), ForeignForm::qwen2);
    EXPECT_EQ(fitting_form(with_experts({3, 3})), ForeignForm::mixtral);
    EXPECT_EQ(fitting_form(with_experts({1, 3})), ForeignForm::qwen2_moe);
    auto biased = with_experts({3, 3});
    biased.qkv_bias = true;
    EXPECT_EQ(fitting_form(biased), ForeignForm::qwen2_moe);
    EXPECT_EQ(fitting_form(with_experts({2, 3})), ForeignForm::isogloss);
}

TEST(HuggingFaceFormTest, ClassifiersNeedTheirOwnFile) {
    auto config = with_experts({3, 3});
    config.layers[0].classifier.classes = 2;
    EXPECT_EQ(fitting_form(config), ForeignForm::isogloss);
    EXPECT_FALSE(obstacles(ForeignForm::ernie4_5_moe, config).empty());
    EXPECT_TRUE(obstacles(ForeignForm::isogloss, config).empty());
}

TEST(HuggingFaceFormTest, SharedExpertsAndGatesAsTheyAreHaveTheirClasses) {
    auto config = with_experts({1, 3, 3});
    config.layers[1].shared_hidden = 5;
    EXPECT_EQ(fitting_form(config), ForeignForm::qwen2_moe);  // zeros in the other layer
    EXPECT_FALSE(obstacles(ForeignForm::ernie4_5_moe, config).empty());
    config.layers[2].shared_hidden = 6;
    EXPECT_EQ(fitting_form(config), ForeignForm::isogloss);
    auto plain = with_experts({3, 3});
    plain.gates = GateScale::probabilities;
    EXPECT_EQ(fitting_form(plain), ForeignForm::qwen2_moe);
    EXPECT_FALSE(obstacles(ForeignForm::mixtral, plain).empty());
    EXPECT_FALSE(obstacles(ForeignForm::ernie4_5_moe, plain).empty());
    plain.family.qk_norm = true;
    EXPECT_EQ(fitting_form(plain), ForeignForm::qwen3_moe);
    auto dense = with_experts({1, 1});
    dense.gates = GateScale::probabilities;  // of no router
    EXPECT_EQ(fitting_form(dense), ForeignForm::llama);
}

TEST(HuggingFaceFormTest, PaddingThatIsNotExactIsRefused) {
    EXPECT_TRUE(obstacles(ForeignForm::ernie4_5_moe, with_experts({1, 2, 5})).empty());
    auto config = with_experts({2, 5});
    config.top_k = 3;  // a token of the first layer would visit a closed expert
    EXPECT_FALSE(obstacles(ForeignForm::ernie4_5_moe, config).empty());
    config = with_experts({1, 5});
    config.top_k = 3;  // a third thrice is not one
    EXPECT_FALSE(obstacles(ForeignForm::ernie4_5_moe, config).empty());
    config.top_k = 4;
    EXPECT_TRUE(obstacles(ForeignForm::ernie4_5_moe, config).empty());
}

TEST(HuggingFaceNamesTest, EveryParameterComesFromSomewhereOnce) {
    auto biased = with_experts({1, 3});
    biased.qkv_bias = true;
    auto shared = with_experts({1, 3, 3});
    shared.layers[2].shared_hidden = 5;
    for (auto const& config : {with_experts({1, 1}), with_experts({3, 3}), biased, shared}) {
        for (auto const form : {fitting_form(config), ForeignForm::isogloss}) {
            auto const names = foreign_parameters(form, config);
            EXPECT_FALSE(sources_of_parameters(names, config).empty());  // throws otherwise
            std::set<std::string> seen;
            for (auto const& tensor : names) {
                EXPECT_TRUE(seen.insert(tensor.name).second) << tensor.name;
            }
        }
    }
}

TEST(HuggingFaceNamesTest, ClosedExpertsAreZeroAndLastInChoice) {
    auto const names = foreign_parameters(ForeignForm::ernie4_5_moe, with_experts({1, 2, 4}));
    std::map<std::string, ForeignParameter> by_name;
    for (auto const& tensor : names) {
        by_name.emplace(tensor.name, tensor);
    }
    auto const bias = [&](int layer) {
        return by_name
            .at("model.layers." + std::to_string(layer) + ".mlp.moe_statics.e_score_correction_bias"
            )
            .values;
    };
    EXPECT_EQ(bias(0), (std::vector<float>{0, 0, -2, -2}));  // two copies of one expert
    EXPECT_EQ(bias(1), (std::vector<float>{0, 0, -2, -2}));
    EXPECT_EQ(bias(2), (std::vector<float>{0, 0, 0, 0}));
    EXPECT_TRUE(by_name.at("model.layers.0.mlp.experts.1.down_proj.weight").is_part_of_model());
    EXPECT_FALSE(by_name.at("model.layers.1.mlp.experts.2.down_proj.weight").is_part_of_model());
    EXPECT_EQ(by_name.at("model.layers.1.mlp.gate.weight").shape.at(0), 4);
}

std::vector<std::int64_t> rows_of(ForeignParameter const& tensor) {
    std::vector<std::int64_t> rows;
    for (auto const& part : tensor.from) {
        for (auto row = part.first; row < part.first + part.rows; ++row) {
            rows.push_back(row);
        }
    }
    return rows;
}

// Angle i turns rows i and i + 2 of a head of width 4 here, rows 2 i and 2 i + 1 in Ernie's class,
// so 0, 2, 1, 3 of each head must lie there. Two heads of queries, one of keys, one of values.
TEST(HuggingFaceNamesTest, RowsThatErnieTurnsTogetherLieTogether) {
    auto config = with_experts({1, 2, 4});
    config.num_heads = 2;
    config.num_kv_heads = 1;
    config.head_width = 4;
    std::map<std::string, std::vector<std::int64_t>> found;
    for (auto const& tensor : foreign_parameters(ForeignForm::ernie4_5_moe, config)) {
        if (tensor.name.starts_with("model.layers.1.self_attn.")) {
            found[tensor.name.substr(25)] = rows_of(tensor);
        }
    }
    using Rows = std::vector<std::int64_t>;
    EXPECT_EQ(found.at("q_proj.weight"), (Rows{0, 2, 1, 3, 4, 6, 5, 7}));
    EXPECT_EQ(found.at("k_proj.weight"), (Rows{8, 10, 9, 11}));
    EXPECT_EQ(found.at("v_proj.weight"), (Rows{12, 13, 14, 15}));
}

}  // namespace
}  // namespace isogloss

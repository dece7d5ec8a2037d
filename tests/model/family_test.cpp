// model/family_test.cpp - each family's losses and gradients against the formulas in double.
#include "model/family.h"

#include <gtest/gtest.h>

#include "model/model_fixture.h"

namespace isogloss {
namespace {

using Maker = ModelConfig (*)(std::vector<std::int32_t> const&, DType);

struct Member {
    char const* name;
    Maker make;
};

std::vector<Member> const kMembers{
    {"Bloom", test::small_bloom},
    {"Gemma", test::small_gemma},
    {"Qwen3", test::small_qwen3},
    {"Qwen2Moe", test::small_qwen2_moe},
    {"Llama3", test::small_llama3}};

TEST(ReferenceModelTest, ItsGradientsOfFamiliesAreCentralDifferences) {
    for (auto const& member : kMembers) {
        SCOPED_TRACE(member.name);
        // h^2 times a third derivative of order 100, and 2^-52 * 10 / h of the difference.
        EXPECT_GT(compare_central_differences(member.make({1, 2}, DType::f32), 2, 2e-8), 30);
    }
}

TEST(FamilyTest, DenseModelsMatchTheReference) {
    for (auto const& member : kMembers) {
        SCOPED_TRACE(member.name);
        expect_reference(member.make({1, 1}, DType::f32), kFloatBound, 0.0);
    }
}

TEST(FamilyTest, ExpertsMatchTheReference) {
    for (auto const& member : kMembers) {
        SCOPED_TRACE(member.name);
        expect_reference(member.make({1, 2, 3}, DType::f32), kFloatBound, kFloatMargin);
    }
}

TEST(FamilyTest, Bf16MatchesTheReference) {
    for (auto const& member : kMembers) {
        SCOPED_TRACE(member.name);
        expect_reference(member.make({1, 3}, DType::bf16), kBf16Bound, kBf16Margin);
    }
}

TEST(FamilyTest, LinearlyScaledPositionsMatchTheReference) {
    auto config = test::small_config({1, 1}, DType::f32);
    config.rope_scaling = {.kind = RopeScalingKind::linear, .factor = 2.5F};
    expect_reference(config, kFloatBound, 0.0);
}

// Presence is a layer's own affair, and so are biases and the kind of feed-forward.
TEST(FamilyTest, SharedExpertsOfSomeLayersMatchTheReference) {
    for (auto const make : {test::small_config, test::small_bloom}) {
        for (auto const gates : {GateScale::renormalised, GateScale::probabilities}) {
            auto config = make({3, 1, 4}, DType::f32);
            config.layers[0].shared_hidden = 11;
            config.gates = gates;
            expect_reference(config, kFloatBound, kFloatMargin);
        }
    }
}

TEST(FamilyTest, RecomputedActivationsGiveTheSameBits) {
    for (auto const& member : kMembers) {
        SCOPED_TRACE(member.name);
        auto const config = member.make({1, 2}, DType::bf16);
        Fixture kept(config, kFloatMargin);
        Fixture again(config, kFloatMargin, {Device::cpu, true});
        EXPECT_EQ(kept.train().row_loss, again.train().row_loss);
        EXPECT_EQ(all_gradients(kept.model.parameters()), all_gradients(again.model.parameters()));
    }
}

// With the backbone frozen and then one expert, what still trains has the gradient it had.
TEST(FamilyTest, FrozenParametersChangeNoOtherGradient) {
    for (auto const& member : kMembers) {
        SCOPED_TRACE(member.name);
        auto const config = member.make({1, 2}, DType::f32);
        auto part_config = config;
        part_config.backbone_trainable = false;
        part_config.layers[1].experts[0].trainable = false;
        Fixture whole(config, kFloatMargin);
        Fixture part(part_config, kFloatMargin);
        EXPECT_EQ(whole.train().row_loss, part.train().row_loss);
        auto const& all = whole.model.parameters();
        auto const& some = part.model.parameters();
        int compared = 0;
        for (std::size_t i = 0; i < all.specs().size(); ++i) {
            if (!all.is_held(i)) {
                continue;
            }
            auto const gradient = some.gradient(i);
            ASSERT_EQ(gradient.data != nullptr, some.specs()[i].trainable) << all.specs()[i].name;
            for (std::int64_t k = 0; gradient.data != nullptr && k < gradient.size(); ++k) {
                ASSERT_EQ(gradient.data[k], all.gradient(i).data[k]) << all.specs()[i].name;
                ++compared;
            }
        }
        EXPECT_GT(sum_over(std::int64_t{compared}, part.group), 0);
    }
}

TEST(FamilyTest, GainsStartSoThatANormScalesByOne) {
    auto const config = test::small_gemma({1}, DType::f32);
    auto const placement = test::uneven_placement(config, 1);
    auto const alone = MpiComm::split(MPI_COMM_WORLD, world().rank(), 0);
    ParameterTable table(config, placement, alone, Device::cpu);
    initialise(table, config, 3);
    for (float const gain : table.values<float>(table.index_of("final_norm.weight")).span()) {
        EXPECT_EQ(gain, 0.0F);
    }
    auto const qwen = test::small_qwen3({1}, DType::f32);
    ParameterTable heads(qwen, placement, alone, Device::cpu);
    initialise(heads, qwen, 3);
    auto const gains = heads.values<float>(heads.index_of("layers.0.attention.k_norm.weight"));
    for (float const gain : gains.span()) {
        EXPECT_EQ(gain, 1.0F);
    }
}

}  // namespace
}  // namespace isogloss

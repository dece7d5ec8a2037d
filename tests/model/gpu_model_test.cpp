// tests/model/gpu_model_test.cpp - the model on a GPU against the formulas in double. Ranks share a
// GPU where there are fewer of them.
#include <gtest/gtest.h>

#include "model/model_fixture.h"
#include "support/gpu.h"

namespace isogloss {
namespace {

class GpuModelTest : public testing::Test {
protected:
    void SetUp() override {
        ISOGLOSS_NEEDS_GPU();
        cuda::choose_device(world().rank() % cuda::num_devices());
    }
    LanguageModel::Settings keep{Device::cuda, false};
    LanguageModel::Settings recompute{Device::cuda, true};
};

TEST_F(GpuModelTest, DenseMatchesTheReference) {
    expect_reference(test::small_config({1, 1, 1}, DType::f32), kFloatBound, 0.0, keep);
}

TEST_F(GpuModelTest, GroupedQueriesWithBiasAndTiedEmbeddingsMatchTheReference) {
    auto config = test::grouped_queries({1, 1}, DType::f32);
    config.tied_embeddings = true;
    expect_reference(config, kFloatBound, 0.0, keep);
}

TEST_F(GpuModelTest, ExpertsMatchTheReference) {
    expect_reference(test::small_config({1, 2, 5}, DType::f32), kFloatBound, kFloatMargin, keep);
}

TEST_F(GpuModelTest, Bf16DenseMatchesTheReference) {
    expect_reference(test::grouped_queries({1, 1, 1}, DType::bf16), kBf16Bound, 0.0, keep);
}

TEST_F(GpuModelTest, Bf16ExpertsMatchTheReference) {
    expect_reference(test::small_config({1, 2, 3}, DType::bf16), kBf16Bound, kBf16Margin, keep);
}

// Of Bloom all but its positions.
TEST_F(GpuModelTest, FamiliesMatchTheReference) {
    for (auto const dtype : {DType::f32, DType::bf16}) {
        auto const bound = dtype == DType::f32 ? kFloatBound : kBf16Bound;
        auto const margin = dtype == DType::f32 ? kFloatMargin : kBf16Margin;
        expect_reference(test::small_gemma({1, 3}, dtype), bound, margin, keep);
        expect_reference(test::small_llama3({1, 3}, dtype), bound, margin, recompute);
        expect_reference(test::small_qwen2_moe({1, 3}, dtype), bound, margin, keep);
        auto bloom = test::small_bloom({1, 2}, dtype);  // a third one gets no token in float
        bloom.family.position = PositionKind::rotary;
        expect_reference(bloom, bound, margin, keep);
    }
}

TEST_F(GpuModelTest, RoutersLossesAndClassifiersMatchTheReference) {
    auto config = test::small_config({2, 3}, DType::f32);
    config.layers[1].classifier = {2, ClassifierSpan::sequence};
    test::ReferenceTask const task{
        .balance = 0.5, .classify = true, .is_old = {1, 0, 1}, .priors = 0.3, .classifier = 0.2};
    Fixture fixture(config, kFloatMargin, test::small_batch(config), task, keep);
    auto const result = fixture.train();
    fixture.sum_gradients();
    auto const expected = fixture.reference();
    expect_losses(fixture, result, expected, kFloatBound);
    expect_gradients(fixture, expected, kFloatBound);
}

TEST_F(GpuModelTest, APassTwiceAndRecomputedGivesTheSameBits) {
    for (auto const dtype : {DType::f32, DType::bf16}) {
        auto const config = test::small_config({1, 2, 5}, dtype);
        Fixture first(config, kFloatMargin, keep);
        Fixture second(config, kFloatMargin, keep);
        Fixture third(config, kFloatMargin, recompute);
        auto const losses = first.train().row_loss;
        EXPECT_EQ(losses, second.train().row_loss);
        EXPECT_EQ(losses, third.train().row_loss);
        auto const gradients = all_gradients(first.model.parameters());
        EXPECT_EQ(gradients, all_gradients(second.model.parameters()));
        EXPECT_EQ(gradients, all_gradients(third.model.parameters()));
    }
}

TEST_F(GpuModelTest, EvaluationGivesTheLossesOfTraining) {
    Fixture fixture(test::small_config({1, 2, 5}, DType::f32), kFloatMargin, keep);
    auto const trained = fixture.train();
    auto const evaluated = fixture.evaluate();
    ASSERT_EQ(trained.row_loss.size(), evaluated.row_loss.size());
    for (std::size_t row = 0; row < trained.row_loss.size(); ++row) {
        // The same operations but for the sum of the exponentials: 19 terms, each half an ulp.
        EXPECT_NEAR(trained.row_loss[row], evaluated.row_loss[row], 1e-5 * trained.row_loss[row]);
    }
    EXPECT_EQ(trained.expert_tokens, evaluated.expert_tokens);
}

TEST_F(GpuModelTest, ABatchWithoutRowsOnAnyRankIsHarmless) {
    Fixture fixture(test::small_config({1, 3}, DType::f32), kFloatMargin, keep);
    auto const result = fixture.model.train(make_batch(0, 7), fixture.options());
    EXPECT_TRUE(result.row_loss.empty());
    for (auto const gradient : all_gradients(fixture.model.parameters())) {
        ASSERT_EQ(gradient, 0.0F);
    }
}

}  // namespace
}  // namespace isogloss

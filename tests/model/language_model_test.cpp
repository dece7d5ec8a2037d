// model/language_model_test.cpp - losses and every gradient against the formulas in double.
#include "model/language_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "model/model_fixture.h"

namespace isogloss {
namespace {

TEST(ReferenceModelTest, ItsGradientIsItsCentralDifference) {
    auto config = test::grouped_queries({1, 2, 5}, DType::f32);
    config.tied_embeddings = true;
    // h^2 times a third derivative of order 10, and 2^-52 * 10 / h of the difference.
    EXPECT_GT(compare_central_differences(config, 3, 1e-8), 60);
}

TEST(LanguageModelTest, DenseMatchesTheReference) {
    expect_reference(test::small_config({1, 1, 1}, DType::f32), kFloatBound, 0.0);
}

TEST(LanguageModelTest, GroupedQueriesWithBiasMatchTheReference) {
    expect_reference(test::grouped_queries({1, 1}, DType::f32), kFloatBound, 0.0);
}

TEST(LanguageModelTest, TiedEmbeddingsMatchTheReference) {
    auto config = test::small_config({1, 1}, DType::f32);
    config.tied_embeddings = true;
    expect_reference(config, kFloatBound, 0.0);
}

TEST(LanguageModelTest, ExpertsMatchTheReference) {
    expect_reference(test::small_config({1, 2, 5}, DType::f32), kFloatBound, kFloatMargin);
}

TEST(LanguageModelTest, OneChoiceOfFiveMatchesTheReference) {
    auto config = test::small_config({5, 1}, DType::f32);
    config.top_k = 1;
    Fixture fixture(config, kFloatMargin);
    auto const result = fixture.train();
    fixture.sum_gradients();
    auto const expected = fixture.reference();
    expect_losses(fixture, result, expected, kFloatBound);
    expect_choices(fixture, result, expected);
    // An expert that nobody chose has no gradient, so only those with one can be compared.
    auto const& table = fixture.model.parameters();
    for (std::size_t i = 0; i < table.specs().size(); ++i) {
        if (!table.is_held(i)) {
            continue;
        }
        auto const& exact = expected.gradient.at(table.specs()[i].name);
        double largest = 1e-3;
        for (double const value : exact) {
            largest = std::max(largest, std::abs(value));
        }
        for (std::size_t k = 0; k < exact.size(); ++k) {
            ASSERT_NEAR(table.gradient(i).span()[k], exact[k], kFloatBound.largest * largest)
                << table.specs()[i].name << "[" << k << "]";
        }
    }
}

TEST(LanguageModelTest, Bf16DenseMatchesTheReference) {
    expect_reference(test::grouped_queries({1, 1, 1}, DType::bf16), kBf16Bound, 0.0);
}

TEST(LanguageModelTest, Bf16ExpertsMatchTheReference) {
    expect_reference(test::small_config({1, 2, 3}, DType::bf16), kBf16Bound, kBf16Margin);
}

TEST(LanguageModelTest, RecomputedActivationsGiveTheSameBits) {
    for (auto const dtype : {DType::f32, DType::bf16}) {
        auto const config = test::small_config({1, 2, 5}, dtype);
        Fixture kept(config, kFloatMargin);
        Fixture again(config, kFloatMargin, {Device::cpu, true});
        auto const first = kept.train();
        auto const second = again.train();
        EXPECT_EQ(first.row_loss, second.row_loss);
        EXPECT_EQ(first.expert_tokens, second.expert_tokens);
        EXPECT_EQ(all_gradients(kept.model.parameters()), all_gradients(again.model.parameters()));
    }
}

TEST(LanguageModelTest, APassDoesNotSeeThePassBefore) {
    Fixture fixture(test::small_config({1, 2, 5}, DType::bf16), kFloatMargin);
    auto const first = fixture.train();
    auto const gradients = all_gradients(fixture.model.parameters());
    fixture.model.evaluate(fixture.batch);
    fixture.model.parameters().restart_gradients();
    auto const second = fixture.train();
    EXPECT_EQ(first.row_loss, second.row_loss);
    EXPECT_EQ(gradients, all_gradients(fixture.model.parameters()));
}

// Values that come block after block, as late as a pass allows; before they are not numbers.
TEST(LanguageModelTest, APassWaitsForTheValuesOfEachBlock) {
    for (bool const trains : {true, false}) {
        auto const config = test::small_config({1, 2, 5}, DType::f32);
        Fixture prompt(config, kFloatMargin);
        Fixture late(config, kFloatMargin);
        auto const run = [&](Fixture& fixture) {
            return trains ? fixture.train() : fixture.model.evaluate(fixture.batch);
        };
        auto& table = late.model.parameters();
        std::vector<std::pair<View<float, 1>, std::vector<float>>> values;
        for (std::size_t i = 0; i < table.specs().size(); ++i) {
            auto const here = table.is_held(i) ? table.values<float>(i) : View<float, 1>{};
            values.emplace_back(here, std::vector<float>(here.span().begin(), here.span().end()));
            std::ranges::fill(here.span(), std::numeric_limits<float>::quiet_NaN());
        }
        std::int32_t last = -1;
        table.set_awaiting([&](std::int32_t block) {
            EXPECT_EQ(block, last + 1);
            last = block;
            auto const end =
                block < table.num_blocks() ? table.first_of_block(block + 1) : table.specs().size();
            for (auto i = table.first_of_block(block); i < end; ++i) {
                std::ranges::copy(values[i].second, values[i].first.data);
            }
        });
        EXPECT_EQ(run(prompt).row_loss, run(late).row_loss);
        EXPECT_EQ(last, table.num_blocks());
        table.set_awaiting({});
        EXPECT_EQ(all_gradients(prompt.model.parameters()), all_gradients(table));
    }
}

TEST(LanguageModelTest, GradientsOfMicroBatchesAddUp) {
    Fixture fixture(test::small_config({1, 2}, DType::f32), kFloatMargin);
    fixture.train();
    auto const once = all_gradients(fixture.model.parameters());
    fixture.train();
    auto const twice = all_gradients(fixture.model.parameters());
    double largest = 0.0;
    for (auto const value : once) {
        largest = std::max(largest, std::abs(static_cast<double>(value)));
    }
    for (std::size_t i = 0; i < once.size(); ++i) {
        // The second sum starts from another value: its 21 additions round differently.
        ASSERT_NEAR(twice[i], 2.0F * once[i], 64.0 / (1 << 24) * largest);
    }
}

TEST(LanguageModelTest, EvaluationGivesTheLossesOfTraining) {
    for (auto const dtype : {DType::f32, DType::bf16}) {
        Fixture fixture(test::small_config({1, 2, 5}, dtype), kFloatMargin);
        auto const trained = fixture.train();
        auto const evaluated = fixture.model.evaluate(fixture.batch);
        ASSERT_EQ(trained.row_loss.size(), evaluated.row_loss.size());
        for (std::size_t row = 0; row < trained.row_loss.size(); ++row) {
            // Two kernels sum the same exponentials, 19 of them.
            EXPECT_NEAR(
                trained.row_loss[row], evaluated.row_loss[row],
                64.0 / (1 << 24) * trained.row_loss[row]
            );
        }
        EXPECT_EQ(trained.row_targets, evaluated.row_targets);
        EXPECT_EQ(trained.expert_tokens, evaluated.expert_tokens);
    }
}

TEST(LanguageModelTest, FrozenParametersChangeNoOtherGradient) {
    auto const config = test::small_config({2, 1, 5, 2}, DType::f32);
    auto frozen_config = config;
    frozen_config.backbone_trainable = false;
    for (std::size_t layer : {0U, 1U}) {
        for (auto& expert : frozen_config.layers[layer].experts) {
            expert.trainable = false;
        }
    }
    frozen_config.layers[2].experts[0].trainable = false;
    frozen_config.layers[3].experts[1].trainable = false;
    for (bool const routers : {true, false}) {
        frozen_config.routers_trainable = routers;
        Fixture whole(config, kFloatMargin);
        Fixture part(frozen_config, kFloatMargin);
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

TEST(LanguageModelTest, NothingTrainableGivesLossesAndNoGradient) {
    auto config = test::small_config({1, 2}, DType::f32);
    config.backbone_trainable = false;
    config.routers_trainable = false;
    for (auto& layer : config.layers) {
        for (auto& expert : layer.experts) {
            expert.trainable = false;
        }
    }
    Fixture fixture(config, kFloatMargin);
    auto const result = fixture.train();
    EXPECT_EQ(static_cast<std::int64_t>(result.row_loss.size()), fixture.batch.rows);
    EXPECT_TRUE(all_gradients(fixture.model.parameters()).empty());
}

TEST(LanguageModelTest, ABatchWithoutRowsOnAnyRankIsHarmless) {
    Fixture fixture(test::small_config({1, 2}, DType::f32), kFloatMargin);
    fixture.batch.rows = 0;
    fixture.batch.tokens = {};
    fixture.batch.targets = {};
    fixture.batch.position = {};
    fixture.batch.document_start = {};
    auto const result =
        fixture.model.train(fixture.batch, {.losses = {.balance = static_cast<double>(kBalance)}});
    EXPECT_TRUE(result.row_loss.empty());
    EXPECT_EQ(result.balance_loss, 0.0);
    for (auto const value : all_gradients(fixture.model.parameters())) {
        ASSERT_EQ(value, 0.0F);
    }
}

TEST(LanguageModelTest, MemoryIsTheSameFromTheSecondStepOn) {
    Fixture fixture(test::small_config({1, 2, 5}, DType::f32), kFloatMargin);
    fixture.train();
    fixture.train();
    auto const bytes = fixture.model.activation_bytes();
    auto const blocks = fixture.model.activation_blocks();
    EXPECT_GT(bytes, 0);
    fixture.train();
    fixture.train();
    EXPECT_EQ(fixture.model.activation_bytes(), bytes);
    EXPECT_EQ(fixture.model.activation_blocks(), blocks);
}

TEST(LanguageModelTest, RowsLongerThanThePositionsAreRefused) {
    Fixture fixture(test::small_config({1}, DType::f32), 0.0);
    fixture.batch.row_length = 17;
    EXPECT_THROW(fixture.model.evaluate(fixture.batch), Error);
}

}  // namespace
}  // namespace isogloss

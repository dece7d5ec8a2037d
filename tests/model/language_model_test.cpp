// model/language_model_test.cpp - losses and every gradient against the formulas in double.
#include "model/language_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "comm/collective.h"
#include "support/small_model.h"

namespace isogloss {
namespace {

constexpr float kBalance = 0.5F;

MpiComm world() {
    return MpiComm::split(MPI_COMM_WORLD, 0, 0);
}

// Parameters for which no rounding can change a router's choice: every chosen expert beats the next
// one by at least `margin`.
test::Parameters<double> decided_parameters(
    ModelConfig const& config, test::ReferenceBatch const& batch, double margin
) {
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        auto parameters = test::random_parameters(config, seed);
        auto const result = test::ReferenceModel<double>(config, parameters).run(batch, 1.0, 0.0);
        if (result.smallest_margin >= margin) {
            return parameters;
        }
    }
    throw std::runtime_error("no seed decides all choices");
}

// One model on all ranks beside the reference, which knows nothing of ranks.
struct Fixture {
    Fixture(ModelConfig const& a_config, double margin, LanguageModel::Settings settings = {})
        : group(world()),
          config(a_config),
          all(test::small_batch(config)),
          parameters(decided_parameters(config, all, margin)),
          model(config, test::uneven_placement(config, group.size()), group, settings),
          batch(test::part_of(all, group.rank(), group.size())) {
        test::set_parameters(model.parameters(), parameters);
    }

    [[nodiscard]] double counted() const { return static_cast<double>(test::counted_targets(all)); }
    PassResult train() { return model.train(batch, options(counted())); }
    static PassOptions options(double counted_targets) {
        return {
            .counted_targets = counted_targets,
            .losses = {.balance = static_cast<double>(kBalance)}};
    }
    test::ReferenceGradient reference() const {
        return test::reference_gradient(
            config, parameters, all, counted(), static_cast<double>(kBalance)
        );
    }
    // This rank's shares become sums over the holders.
    void sum_gradients() {
        for (auto& its : model.parameters().groups()) {
            if (its.trainable) {
                all_reduce_sum(its.gradients.view(), its.comm, Stream{});
            }
        }
    }

    MpiComm group;
    ModelConfig config;
    test::ReferenceBatch all;
    test::Parameters<double> parameters;
    LanguageModel model;
    Batch batch;
};

// How far a computed gradient may lie from the exact one.
struct Bound {
    double largest = 0.0;  ///< any element, as a share of the tensor's largest
    double whole = 0.0;    ///< the tensor's error in length, as a share of its length
    double loss = 0.0;     ///< of a row's loss, as a share of it
};

// Floats, u = 2^-24. A value passes about 12 operations a block forward and as many backward, each
// of which rounds once and, as a sum of up to 21 products (the longest extents here: 19, 21), up
// to 21 times more in the worst case: 24 * 22 = 528 u a block, 3 blocks and the head: 2000 u of the
// largest values that meet. Errors have no common sign, so the length gets a tenth of that.
constexpr Bound kFloatBound{2000.0 / (1 << 24), 200.0 / (1 << 24), 500.0 / (1 << 24)};

// bf16, u = 2^-8: sums are in float, so a value is rounded when it is stored: 12 times a block
// forward, 12 backward, 3 blocks and the head: 75 roundings. They are independent, of deviation
// u / sqrt(3) each, so together 75^(1/2) u / sqrt(3) = 0.02 of the values that meet. Gradients of
// gains and biases are sums over tokens that half cancel, so against the result it is 0.04.
// Elements may lie five deviations off, measured by the largest; the length three. A loss is a sum
// over tokens, whose logits are stored as bf16: 2^-8 of logits of size 3 and what 36 roundings
// before made of them: 3 * 36^(1/2) / sqrt(3) u = 0.04 nats a token of about 3.
constexpr Bound kBf16Bound{0.2, 0.12, 0.02};

void expect_gradients(Fixture& fixture, test::ReferenceGradient const& expected, Bound bound) {
    auto const& table = fixture.model.parameters();
    for (std::size_t i = 0; i < table.specs().size(); ++i) {
        auto const& name = table.specs()[i].name;
        if (!table.is_held(i)) {
            continue;
        }
        auto const computed = table.gradient(i).span();
        auto const& exact = expected.gradient.at(name);
        ASSERT_EQ(computed.size(), exact.size()) << name;
        double largest = 0.0;
        double squares = 0.0;
        for (double const value : exact) {
            largest = std::max(largest, std::abs(value));
            squares += value * value;
        }
        EXPECT_GT(largest, 0.0) << name << " has no gradient to compare";
        double error_squares = 0.0;
        for (std::size_t k = 0; k < exact.size(); ++k) {
            double const error = static_cast<double>(computed[k]) - exact[k];
            error_squares += error * error;
            ASSERT_LE(std::abs(error), bound.largest * largest)
                << name << "[" << k << "] is " << computed[k] << ", must be " << exact[k];
        }
        EXPECT_LE(std::sqrt(error_squares), bound.whole * std::sqrt(squares)) << name;
    }
}

void expect_losses(
    Fixture const& fixture,
    PassResult const& result,
    test::ReferenceGradient const& expected,
    Bound bound
) {
    auto const first = test::rows_of(fixture.group.rank(), fixture.group.size()).first;
    ASSERT_EQ(static_cast<std::int64_t>(result.row_loss.size()), fixture.batch.rows);
    for (std::size_t row = 0; row < result.row_loss.size(); ++row) {
        double const exact = expected.result.row_loss[static_cast<std::size_t>(first) + row];
        EXPECT_NEAR(result.row_loss[row], exact, bound.loss * exact) << "row " << row;
        EXPECT_GT(result.row_targets[row], 0);
    }
    EXPECT_NEAR(result.balance_loss, expected.result.balance_loss, 4.0 * bound.loss);
}

void expect_choices(
    Fixture const& fixture, PassResult const& result, test::ReferenceGradient const& expected
) {
    ASSERT_EQ(result.expert_tokens.size(), fixture.config.layers.size());
    for (std::size_t layer = 0; layer < result.expert_tokens.size(); ++layer) {
        auto tokens = result.expert_tokens[layer];
        sum_over(std::span<std::int64_t>(tokens), fixture.group);
        EXPECT_EQ(tokens, expected.result.expert_tokens[layer]) << "layer " << layer;
    }
}

void expect_reference(
    ModelConfig const& config, Bound bound, double margin, LanguageModel::Settings settings = {}
) {
    Fixture fixture(config, margin, settings);
    auto const result = fixture.train();
    fixture.sum_gradients();
    auto const expected = fixture.reference();
    expect_losses(fixture, result, expected, bound);
    expect_choices(fixture, result, expected);
    expect_gradients(fixture, expected, bound);
}

// Margins of choice: far above what float, and what bf16, can move a probability.
constexpr double kFloatMargin = 1e-3;
constexpr double kBf16Margin = 0.02;

ModelConfig grouped_queries(std::vector<std::int32_t> const& experts, DType dtype) {
    auto config = test::small_config(experts, dtype);
    config.num_kv_heads = 2;
    config.qkv_bias = true;
    return config;
}

std::vector<float> all_gradients(ParameterTable const& table) {
    std::vector<float> all;
    for (auto const& its : table.groups()) {
        auto const gradients = its.gradients.view().span();
        all.insert(all.end(), gradients.begin(), gradients.end());
    }
    return all;
}

TEST(ReferenceModelTest, ItsGradientIsItsCentralDifference) {
    auto config = grouped_queries({1, 2, 5}, DType::f32);
    config.tied_embeddings = true;
    auto const batch = test::small_batch(config);
    auto parameters = decided_parameters(config, batch, kFloatMargin);
    auto const exact = test::reference_gradient(config, parameters, batch, 17.0, 0.5);
    double const h = 1e-5;
    int checked = 0;
    for (auto& [name, values] : parameters) {
        for (std::size_t k = 0; k < values.size(); k += values.size() / 3 + 1) {
            double const before = values[k];
            auto const objective = [&](double value) {
                values[k] = value;
                return test::ReferenceModel<double>(config, parameters)
                    .run(batch, 17.0, 0.5)
                    .objective;
            };
            double const slope = (objective(before + h) - objective(before - h)) / (2.0 * h);
            values[k] = before;
            // h^2 times a third derivative of order 10, and 2^-52 * 10 / h of the difference.
            EXPECT_NEAR(slope, exact.gradient.at(name)[k], 1e-8) << name << "[" << k << "]";
            ++checked;
        }
    }
    EXPECT_GT(checked, 60);
}

TEST(LanguageModelTest, DenseMatchesTheReference) {
    expect_reference(test::small_config({1, 1, 1}, DType::f32), kFloatBound, 0.0);
}

TEST(LanguageModelTest, GroupedQueriesWithBiasMatchTheReference) {
    expect_reference(grouped_queries({1, 1}, DType::f32), kFloatBound, 0.0);
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
    expect_reference(grouped_queries({1, 1, 1}, DType::bf16), kBf16Bound, 0.0);
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
    fixture.model.parameters().zero_gradients();
    auto const second = fixture.train();
    EXPECT_EQ(first.row_loss, second.row_loss);
    EXPECT_EQ(gradients, all_gradients(fixture.model.parameters()));
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
    auto const result = fixture.model.train(fixture.batch, Fixture::options(1.0));
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
    EXPECT_GT(bytes, 0);
    fixture.train();
    fixture.train();
    EXPECT_EQ(fixture.model.activation_bytes(), bytes);
}

TEST(LanguageModelTest, RowsLongerThanThePositionsAreRefused) {
    Fixture fixture(test::small_config({1}, DType::f32), 0.0);
    fixture.batch.row_length = 17;
    EXPECT_THROW(fixture.model.evaluate(fixture.batch), Error);
}

}  // namespace
}  // namespace isogloss

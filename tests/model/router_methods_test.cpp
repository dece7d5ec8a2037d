// model/router_methods_test.cpp - hard routing, classifiers and the routers' losses in whole
// models, against the formulas in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "comm/collective.h"
#include "model/language_model.h"
#include "model/model_fixture.h"

namespace isogloss {
namespace {

// Row 1 ends in three tokens of padding, row 0 and 2 in one, and one target amid row 1 does not
// count.
test::ReferenceBatch padded_batch(ModelConfig const& config) {
    auto batch = test::small_batch(config);
    batch.targets[11] = -1;
    batch.targets[12] = -1;
    return batch;
}

// Experts 0 and 1 are older than the rest.
ModelConfig grown_config(std::vector<std::int32_t> const& experts, DType dtype) {
    auto config = test::small_config(experts, dtype);
    for (auto& layer : config.layers) {
        for (std::size_t e = 2; e < layer.experts.size(); ++e) {
            layer.experts[e].generation = 1;
            layer.experts[e].parent = 0;
        }
    }
    return config;
}

ModelConfig with_classifiers(
    ModelConfig config, std::vector<std::size_t> const& layers, ClassifierSpan span
) {
    for (auto const layer : layers) {
        config.layers[layer].classifier = {2, span};
    }
    return config;
}

// Computed gradients beside exact ones. An expert that no token chose has none, so a tensor's
// largest is at least `floor`.
void expect_all_gradients(Fixture& fixture, test::ReferenceGradient const& expected, Bound bound) {
    auto const& table = fixture.model.parameters();
    for (std::size_t i = 0; i < table.specs().size(); ++i) {
        if (!table.is_held(i)) {
            continue;
        }
        auto const& name = table.specs()[i].name;
        auto const computed = table.gradient(i).span();
        auto const& exact = expected.gradient.at(name);
        ASSERT_EQ(computed.size(), exact.size()) << name;
        double largest = 1e-3;
        for (double const value : exact) {
            largest = std::max(largest, std::abs(value));
        }
        for (std::size_t k = 0; k < exact.size(); ++k) {
            ASSERT_NEAR(computed[k], exact[k], bound.largest * largest) << name << "[" << k << "]";
        }
    }
}

void expect_router_losses(
    Fixture const& fixture,
    PassResult const& result,
    test::ReferenceGradient const& expected,
    Bound bound
) {
    auto const& exact = expected.result;
    auto const sum = [&](double part) { return sum_over(part, fixture.group); };
    EXPECT_NEAR(sum(result.losses.classification), exact.classification_loss, 8.0 * bound.loss);
    EXPECT_NEAR(sum(result.losses.priors), exact.priors_loss, 8.0 * bound.loss);
    EXPECT_NEAR(sum(result.losses.classifier), exact.classifier_loss, 40.0 * bound.loss);
    std::int64_t decisions = 0;
    std::int64_t correct = 0;
    for (auto const& layer : result.classifiers) {
        decisions += layer.decisions;
        correct += layer.correct;
    }
    EXPECT_EQ(sum_over(decisions, fixture.group), exact.decisions);
    EXPECT_EQ(sum_over(correct, fixture.group), exact.correct);
}

void expect_method(
    ModelConfig const& config,
    test::ReferenceTask const& task,
    Bound bound,
    double margin,
    LanguageModel::Settings settings = {}
) {
    Fixture fixture(config, margin, padded_batch(config), task, settings);
    auto const result = fixture.train();
    fixture.sum_gradients();
    auto const expected = fixture.reference();
    expect_losses(fixture, result, expected, bound);
    expect_choices(fixture, result, expected);
    expect_router_losses(fixture, result, expected, bound);
    expect_all_gradients(fixture, expected, bound);
    auto const evaluated = fixture.evaluate();
    EXPECT_EQ(evaluated.expert_tokens, result.expert_tokens);
    for (std::size_t row = 0; row < result.row_loss.size(); ++row) {
        // Two kernels sum the same exponentials.
        EXPECT_NEAR(
            evaluated.row_loss[row], result.row_loss[row], 64.0 / (1 << 24) * result.row_loss[row]
        );
    }
}

// Everything a router can be asked at once, which no paper does.
test::ReferenceTask every_loss() {
    return {
        .balance = 0.5,
        .balance_scale = 2.0,
        .classify = true,
        .expert = {1, -1, 0},
        .is_old = {1, 0, 1},
        .classification = 1.28,
        .priors = 0.7,
        .priors_as_released = true,
        .priors_by_buckets = true,
        .classifier = 0.6};
}

TEST(ReferenceModelTest, ItsRouterLossesHaveTheirCentralDifferences) {
    auto config =
        with_classifiers(grown_config({2, 3, 1}, DType::f32), {0, 1}, ClassifierSpan::sequence);
    auto const batch = padded_batch(config);
    for (bool const released : {false, true}) {
        auto task = every_loss();
        task.counted = 15.0;
        task.balance_scale = 1.0;  // the slope of K f P is K times that
        task.priors_as_released = released;
        task.priors_by_buckets = released;
        auto parameters = decided_parameters(config, batch, kFloatMargin, task);
        auto const exact = test::reference_gradient(config, parameters, batch, task);
        double const h = 1e-5;
        for (auto& [name, values] : parameters) {
            for (std::size_t k = 0; k < values.size(); k += values.size() / 2 + 1) {
                double const before = values[k];
                auto const objective = [&](double value) {
                    values[k] = value;
                    return test::ReferenceModel<double>(config, parameters)
                        .run(batch, task)
                        .objective;
                };
                double const slope = (objective(before + h) - objective(before - h)) / (2.0 * h);
                values[k] = before;
                // h^2 times a third derivative of order 100 (a row's sum enters the classifier).
                EXPECT_NEAR(slope, exact.gradient.at(name)[k], 1e-7) << name << "[" << k << "]";
            }
        }
    }
}

TEST(RouterMethodsTest, HardRoutingWithTheClassificationLossMatchesTheReference) {
    test::ReferenceTask const task{.is_hard = true, .expert = {1, 0, 1}, .classification = 1.28};
    expect_method(test::small_config({1, 2, 3}, DType::f32), task, kFloatBound, 0.0);
}

TEST(RouterMethodsTest, HardRoutingWithPriorsMatchesTheReference) {
    test::ReferenceTask const task{
        .is_hard = true, .expert = {1, 0, 1}, .is_old = {0, 1, -1}, .priors = 0.4};
    expect_method(test::small_config({2, 3}, DType::f32), task, kFloatBound, 0.0);
}

TEST(RouterMethodsTest, PriorsMatchTheReferenceInBothFormsAndMeans) {
    for (bool const released : {false, true}) {
        for (bool const buckets : {false, true}) {
            test::ReferenceTask const task{
                .is_old = {1, 0, 1},
                .priors = 0.5,
                .priors_as_released = released,
                .priors_by_buckets = buckets};
            expect_method(
                test::small_config({2, 3, 2}, DType::f32), task, kFloatBound, kFloatMargin
            );
        }
    }
}

TEST(RouterMethodsTest, BothScalesOfBalanceMatchTheReference) {
    for (double const scale : {1.0, 2.0}) {
        expect_method(
            test::small_config({3, 2}, DType::f32), {.balance = 0.5, .balance_scale = scale},
            kFloatBound, kFloatMargin
        );
    }
}

// The shared expert works for hard tokens and for those of class 0 too, whose one gate is 1; a
// token with fewer older experts to choose among than it visits has absent choices.
TEST(RouterMethodsTest, SharedExpertsAndPlainGatesMatchTheReferenceUnderEveryRouting) {
    auto config = grown_config({3, 4}, DType::f32);
    config.gates = GateScale::probabilities;
    config.layers[0].shared_hidden = 7;
    config.layers[1].shared_hidden = 5;
    expect_method(config, {.is_hard = true, .expert = {1, 0, 1}}, kFloatBound, 0.0);
    config.layers[0].experts[1].generation = 1;
    config.layers[0].experts[1].parent = 0;
    config = with_classifiers(config, {0, 1}, ClassifierSpan::token);
    auto task = every_loss();
    expect_method(config, task, kFloatBound, kFloatMargin);
    task.class_one_is_older = true;
    task.balance_scale = 1.0;  // the other is the mean of choices, and here some are absent
    expect_method(config, task, kFloatBound, kFloatMargin);
}

TEST(RouterMethodsTest, ClassifiersMatchTheReferenceInBothSpansAndChoices) {
    for (auto const span : {ClassifierSpan::sequence, ClassifierSpan::token}) {
        for (bool const older : {false, true}) {
            auto const config = with_classifiers(grown_config({3, 4, 2}, DType::f32), {0, 2}, span);
            test::ReferenceTask const task{
                .classify = true,
                .class_one_is_older = older,
                // The mean over tokens is over all counted targets, so all rows are labelled.
                .is_old = {1, 0, span == ClassifierSpan::token ? 0 : -1},
                .classifier = 0.1};
            expect_method(config, task, kFloatBound, kFloatMargin);
        }
    }
}

TEST(RouterMethodsTest, AllLossesAtOnceMatchTheReference) {
    for (auto const span : {ClassifierSpan::sequence, ClassifierSpan::token}) {
        auto const config = with_classifiers(grown_config({1, 2, 5}, DType::f32), {1, 2}, span);
        expect_method(config, every_loss(), kFloatBound, kFloatMargin);
        expect_method(
            config, every_loss(), kFloatBound, kFloatMargin, {Device::cpu, /*recompute=*/true}
        );
    }
}

TEST(RouterMethodsTest, RecomputedBlocksDecideAlikeBitForBit) {
    for (auto const dtype : {DType::f32, DType::bf16}) {
        auto const config =
            with_classifiers(grown_config({1, 2, 5}, dtype), {1, 2}, ClassifierSpan::sequence);
        auto const batch = padded_batch(config);
        Fixture kept(config, kFloatMargin, batch, every_loss());
        Fixture again(config, kFloatMargin, batch, every_loss(), {Device::cpu, true});
        auto const first = kept.train();
        auto const second = again.train();
        EXPECT_EQ(first.row_loss, second.row_loss);
        EXPECT_EQ(first.expert_tokens, second.expert_tokens);
        EXPECT_EQ(first.losses.classifier, second.losses.classifier);
        EXPECT_EQ(first.losses.priors, second.losses.priors);
        EXPECT_EQ(all_gradients(kept.model.parameters()), all_gradients(again.model.parameters()));
    }
}

TEST(RouterMethodsTest, Bf16MatchesTheReference) {
    auto const config =
        with_classifiers(grown_config({1, 2, 3}, DType::bf16), {1}, ClassifierSpan::sequence);
    auto task = every_loss();
    // A row's sum has deviation 7^(1/2), so a classifier's logits are off by more than others.
    task.classifier = 0.05;
    expect_method(config, task, kBf16Bound, kBf16Margin);
}

TEST(RouterMethodsTest, ABatchWithoutOldTokensHasNoPriorsLossAndNoGradientOfIt) {
    auto const config = test::small_config({2, 3}, DType::f32);
    test::ReferenceTask task{.is_old = {0, 0, -1}, .priors = 10.0};
    Fixture with(config, kFloatMargin, padded_batch(config), task);
    task.priors = 0.0;
    Fixture without(config, kFloatMargin, padded_batch(config), task);
    auto const result = with.train();
    EXPECT_EQ(result.losses.priors, 0.0);
    EXPECT_EQ(result.row_loss, without.train().row_loss);
    EXPECT_EQ(all_gradients(with.model.parameters()), all_gradients(without.model.parameters()));
}

TEST(RouterMethodsTest, WithoutLabelsNoRouterLossIsCounted) {
    auto const config =
        with_classifiers(test::small_config({2, 3}, DType::f32), {0}, ClassifierSpan::sequence);
    test::ReferenceTask const task{
        .classify = true,
        .expert = {-1, -1, -1},
        .is_old = {-1, -1, -1},
        .classification = 1.0,
        .priors = 1.0,
        .classifier = 1.0};
    Fixture fixture(config, kFloatMargin, padded_batch(config), task);
    auto const result = fixture.train();
    EXPECT_EQ(result.losses.classification, 0.0);
    EXPECT_EQ(result.losses.priors, 0.0);
    EXPECT_EQ(result.losses.classifier, 0.0);
    EXPECT_EQ(result.classifiers.at(0).decisions, 0);
    for (auto const value : all_gradients(fixture.model.parameters())) {
        ASSERT_TRUE(std::isfinite(value));
    }
}

TEST(RouterMethodsTest, FrozenPartsChangeNoOtherGradient) {
    auto const config =
        with_classifiers(grown_config({2, 3, 2}, DType::f32), {0, 2}, ClassifierSpan::sequence);
    auto some_frozen = config;
    some_frozen.backbone_trainable = false;
    for (auto& expert : some_frozen.layers[0].experts) {
        expert.trainable = false;
    }
    some_frozen.layers[1].experts[0].trainable = false;
    for (bool const routers : {true, false}) {
        some_frozen.routers_trainable = routers;
        auto const batch = padded_batch(config);
        Fixture whole(config, kFloatMargin, batch, every_loss());
        Fixture part(some_frozen, kFloatMargin, batch, every_loss());
        EXPECT_EQ(whole.train().row_loss, part.train().row_loss);
        auto const& all = whole.model.parameters();
        auto const& some = part.model.parameters();
        for (std::size_t i = 0; i < all.specs().size(); ++i) {
            auto const gradient = all.is_held(i) ? some.gradient(i) : View<float, 1>{};
            for (std::int64_t k = 0; gradient.data != nullptr && k < gradient.size(); ++k) {
                ASSERT_EQ(gradient.data[k], all.gradient(i).data[k]) << all.specs()[i].name;
            }
        }
    }
}

// A model of one expert a layer, and the same with experts and classifiers added.
struct Grown {
    explicit Grown(DType dtype)
        : before(test::small_config({1, 1, 1}, dtype)),
          after(with_classifiers(
              test::small_config({3, 2, 5}, dtype), {0, 1, 2}, ClassifierSpan::sequence
          )),
          parameters(test::random_parameters(after, 3)) {}

    PassResult losses_before() const {
        MpiComm const group = world();
        test::Parameters<double> kept;
        for (auto const& spec : parameter_specs(before)) {
            kept[spec.name] = parameters.at(spec.name);
        }
        LanguageModel model(before, test::uneven_placement(before, group.size()), group, {});
        test::set_parameters(model.parameters(), kept);
        return model.evaluate(rows(group));
    }
    PassResult losses_after(PassRouting const& routing) const {
        MpiComm const group = world();
        LanguageModel model(after, test::uneven_placement(after, group.size()), group, {});
        test::set_parameters(model.parameters(), parameters);
        return model.evaluate(rows(group), routing);
    }
    Batch rows(MpiComm const& group) const {
        return test::part_of(padded_batch(before), group.rank(), group.size());
    }
    // Equal logits are class 0.
    void silence_classifiers() {
        for (int layer = 0; layer < 3; ++layer) {
            std::ranges::fill(
                parameters.at("layers." + std::to_string(layer) + ".classifier.weight"), 0.0
            );
        }
    }

    ModelConfig before;
    ModelConfig after;
    test::Parameters<double> parameters;
};

TEST(RouterMethodsTest, ClassZeroGivesTheBitsOfTheModelBeforeGrowth) {
    for (auto const dtype : {DType::f32, DType::bf16}) {
        Grown grown(dtype);
        grown.silence_classifiers();
        PassRouting const routing{.classify = true};
        auto const before = grown.losses_before().row_loss;
        auto const freely = grown.losses_after({}).row_loss;
        EXPECT_EQ(before, grown.losses_after(routing).row_loss);
        EXPECT_TRUE(freely.empty() || freely != before) << "the new experts change nothing";
    }
}

// Beside rows that the router routes: which rows all classifiers hold for old is read from the
// counts of their decisions, asked with one row labelled at a time.
TEST(RouterMethodsTest, ClassZeroRowsKeepTheirBitsBesideOthers) {
    std::int64_t kept = 0;
    std::int64_t routed = 0;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
        Grown grown(DType::f32);
        grown.parameters = test::random_parameters(grown.after, seed);
        auto const before = grown.losses_before().row_loss;
        for (std::int32_t row = 0; row < 3; ++row) {
            auto const [first, last] = test::rows_of(world().rank(), world().size());
            std::vector<std::int32_t> is_old(static_cast<std::size_t>(last - first), -1);
            bool const is_mine = row >= first && row < last;
            if (is_mine) {
                is_old[static_cast<std::size_t>(row - first)] = 1;
            }
            auto const after = grown.losses_after({.classify = true, .rows = {.is_old = is_old}});
            if (!is_mine) {
                continue;
            }
            auto const place = static_cast<std::size_t>(row - first);
            bool const is_old_everywhere =
                std::ranges::all_of(after.classifiers, [](auto const& its) {
                    return its.decisions == 1 && its.old_class == 1;
                });
            if (is_old_everywhere) {
                EXPECT_EQ(after.row_loss[place], before[place]) << "seed " << seed;
            }
            (is_old_everywhere ? kept : routed) += 1;
        }
    }
    EXPECT_GT(sum_over(kept, world()), 0);
    EXPECT_GT(sum_over(routed, world()), 0);
}

TEST(RouterMethodsTest, HardRoutingToExpertZeroGivesTheBitsOfTheModelBeforeGrowth) {
    for (auto const dtype : {DType::f32, DType::bf16}) {
        Grown const grown(dtype);
        auto const own = grown.rows(world()).rows;
        PassRouting const routing{
            .mode = RoutingMode::hard,
            .rows = {.expert = std::vector<std::int32_t>(static_cast<std::size_t>(own), 0)}};
        EXPECT_EQ(grown.losses_before().row_loss, grown.losses_after(routing).row_loss);
    }
}

TEST(RouterMethodsTest, LossesWithoutTheirLabelsAreRefused) {
    auto const config = test::small_config({2}, DType::f32);
    MpiComm const group = world();
    LanguageModel model(config, test::uneven_placement(config, group.size()), group, {});
    auto const batch = test::part_of(test::small_batch(config), 0, 1);
    EXPECT_THROW(model.train(batch, {.losses = {.priors = 0.1}}), Error);
    EXPECT_THROW(model.train(batch, {.losses = {.classification = 0.1}}), Error);
    EXPECT_THROW(model.evaluate(batch, {.mode = RoutingMode::hard}), Error);
    EXPECT_THROW(
        model.evaluate(batch, {.mode = RoutingMode::hard, .rows = {.expert = {0, 1}}}), Error
    );
    EXPECT_THROW(
        model.train(
            batch, {.routing = {.rows = {.is_old = {1, 1, 0}}}, .losses = {.classifier = 0.1}}
        ),
        Error
    );
}

}  // namespace
}  // namespace isogloss

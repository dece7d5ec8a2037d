// tests/model/model_fixture.h - a small model on all ranks beside the reference, and how far apart
// they may be.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "comm/collective.h"
#include "device/copy.h"
#include "support/small_model.h"

namespace isogloss {

inline constexpr float kBalance = 0.5F;

inline MpiComm world() {
    return MpiComm::split(MPI_COMM_WORLD, 0, 0);
}

// Parameters for which no rounding can change a router's choice: every chosen expert beats the next
// one by at least `margin`.
inline test::Parameters<double> decided_parameters(
    ModelConfig const& config,
    test::ReferenceBatch const& batch,
    double margin,
    test::ReferenceTask const& task = {}
) {
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        auto parameters = test::random_parameters(config, seed);
        auto const result = test::ReferenceModel<double>(config, parameters).run(batch, task);
        if (result.smallest_margin >= margin) {
            return parameters;
        }
    }
    throw std::runtime_error("no seed decides all choices");
}

// One model on all ranks beside the reference, which knows nothing of ranks.
struct Fixture {
    Fixture(ModelConfig const& a_config, double margin, LanguageModel::Settings settings = {})
        : Fixture(
              a_config,
              margin,
              test::small_batch(a_config),
              {.balance = static_cast<double>(kBalance)},
              settings
          ) {}
    Fixture(
        ModelConfig const& a_config,
        double margin,
        test::ReferenceBatch a_batch,
        test::ReferenceTask a_task,
        LanguageModel::Settings settings = {}
    )
        : group(world()),
          config(a_config),
          all(std::move(a_batch)),
          task(std::move(a_task)),
          parameters(decided_parameters(config, all, margin, task)),
          model(config, test::uneven_placement(config, group.size()), group, settings),
          batch(test::part_of(all, group.rank(), group.size())) {
        test::set_parameters(model.parameters(), parameters);
    }

    [[nodiscard]] double counted() const { return static_cast<double>(test::counted_targets(all)); }
    PassResult train() { return model.train(batch, options()); }
    PassResult evaluate() { return model.evaluate(batch, routing()); }

    // The task as the model is told it, with this rank's rows.
    [[nodiscard]] PassRouting routing() const {
        return {
            .mode = task.is_hard ? RoutingMode::hard : RoutingMode::top_k,
            .classify = task.classify,
            .class_one = task.class_one_is_older ? ClassOneExperts::older : ClassOneExperts::all,
            .rows = {.expert = own_rows(task.expert), .is_old = own_rows(task.is_old)}};
    }
    [[nodiscard]] PassOptions options() const {
        return {
            .counted_targets = counted(),
            .labelled_targets = targets_where(task.expert, [](int e) { return e >= 0; }),
            .old_targets = targets_where(task.is_old, [](int old) { return old == 1; }),
            .rows = static_cast<double>(
                std::ranges::count_if(task.is_old, [](int old) { return old >= 0; })
            ),
            .routing = routing(),
            .losses = {
                .balance = task.balance,
                .balance_scale =
                    task.balance_scale == 1.0 ? BalanceScale::one : BalanceScale::top_k,
                .classification = task.classification,
                .priors = task.priors,
                .priors_form = task.priors_as_released ? PriorsForm::released : PriorsForm::plain,
                .priors_mean = task.priors_by_buckets ? PriorsMean::buckets : PriorsMean::tokens,
                .classifier = task.classifier}};
    }
    test::ReferenceGradient reference() const {
        auto its = task;
        its.counted = counted();
        return test::reference_gradient(config, parameters, all, its);
    }
    // This rank's shares become sums over the holders.
    void sum_gradients() {
        for (auto& its : model.parameters().groups()) {
            if (its.trainable) {
                all_reduce_sum(its.gradients.view(), its.comm, Stream{});
            }
        }
    }

    [[nodiscard]] std::vector<std::int32_t> own_rows(std::vector<std::int32_t> const& rows) const {
        auto const [first, last] = test::rows_of(group.rank(), group.size());
        return rows.empty() ? rows
                            : std::vector<std::int32_t>(rows.begin() + first, rows.begin() + last);
    }
    template <class Wanted>
    [[nodiscard]] double targets_where(std::vector<std::int32_t> const& rows, Wanted const& wanted)
        const {
        double count = 0.0;
        for (std::size_t n = 0; !rows.empty() && n < all.size(); ++n) {
            auto const row = n / static_cast<std::size_t>(all.row_length);
            count += all.targets[n] >= 0 && wanted(rows[row]) ? 1.0 : 0.0;
        }
        return count;
    }

    MpiComm group;
    ModelConfig config;
    test::ReferenceBatch all;
    test::ReferenceTask task;
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
inline constexpr Bound kFloatBound{2000.0 / (1 << 24), 200.0 / (1 << 24), 500.0 / (1 << 24)};

// bf16, u = 2^-8: sums are in float, so a value is rounded when it is stored: 12 times a block
// forward, 12 backward, 3 blocks and the head: 75 roundings. They are independent, of deviation
// u / sqrt(3) each, so together 75^(1/2) u / sqrt(3) = 0.02 of the values that meet. Gradients of
// gains and biases are sums over tokens that half cancel, so against the result it is 0.04.
// Elements may lie five deviations off, measured by the largest; the length three. A loss is a sum
// over tokens, whose logits are stored as bf16: 2^-8 of logits of size 3 and what 36 roundings
// before made of them: 3 * 36^(1/2) / sqrt(3) u = 0.04 nats a token of about 3.
inline constexpr Bound kBf16Bound{0.2, 0.12, 0.02};

inline void expect_gradients(
    Fixture& fixture, test::ReferenceGradient const& expected, Bound bound
) {
    auto const& table = fixture.model.parameters();
    for (std::size_t i = 0; i < table.specs().size(); ++i) {
        auto const& name = table.specs()[i].name;
        if (!table.is_held(i)) {
            continue;
        }
        Buffer<float> room;
        auto const computed = on_host(table.gradient(i), room, Stream{}).span();
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

inline void expect_losses(
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
    // E sum_e f_e P_e with sum f_e = 1 is off by at most E times what a P_e is. P_e is a mean over
    // 21 tokens of probabilities, each off by p (1 - p) <= 1/4 of what a difference of two logits
    // is. Logits are h w with |w| = sqrt(12), and forward roundings move the elements of h, of size
    // 1, by bound.loss: the difference is off by sqrt(24) bound.loss. Tokens are independent, so
    // three deviations for E = 5 are 3 * 5 / 4 * sqrt(24 / 21) bound.loss = 4.0 bound.loss.
    EXPECT_NEAR(result.balance_loss, expected.result.balance_loss, 4.0 * bound.loss);
}

inline void expect_choices(
    Fixture const& fixture, PassResult const& result, test::ReferenceGradient const& expected
) {
    ASSERT_EQ(result.expert_tokens.size(), fixture.config.layers.size());
    for (std::size_t layer = 0; layer < result.expert_tokens.size(); ++layer) {
        auto tokens = result.expert_tokens[layer];
        sum_over(std::span<std::int64_t>(tokens), fixture.group);
        EXPECT_EQ(tokens, expected.result.expert_tokens[layer]) << "layer " << layer;
    }
}

inline void expect_reference(
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
inline constexpr double kFloatMargin = 1e-3;
inline constexpr double kBf16Margin = 0.02;

// Compares the reference's own gradient with central differences of its objective, at `a_tensor`
// elements of each tensor at least. Returns how many it compared.
inline int compare_central_differences(ModelConfig const& config, int a_tensor, double bound) {
    auto const batch = test::small_batch(config);
    auto parameters = decided_parameters(config, batch, kFloatMargin);
    auto const exact = test::reference_gradient(config, parameters, batch, 17.0, 0.5);
    auto const objective = [&] {
        return test::ReferenceModel<double>(config, parameters).run(batch, 17.0, 0.5).objective;
    };
    double const h = 1e-5;
    int compared = 0;
    for (auto& [name, values] : parameters) {
        auto const stride = values.size() / static_cast<std::size_t>(a_tensor) + 1;
        for (std::size_t k = 0; k < values.size(); k += stride) {
            double const before = values[k];
            values[k] = before + h;
            double const above = objective();
            values[k] = before - h;
            double const below = objective();
            values[k] = before;
            EXPECT_NEAR((above - below) / (2.0 * h), exact.gradient.at(name)[k], bound)
                << name << "[" << k << "]";
            ++compared;
        }
    }
    return compared;
}

inline std::vector<float> all_gradients(ParameterTable const& table) {
    std::vector<float> all;
    for (auto const& its : table.groups()) {
        Buffer<float> room;
        auto const gradients = on_host(its.gradients.view(), room, Stream{}).span();
        all.insert(all.end(), gradients.begin(), gradients.end());
    }
    return all;
}

}  // namespace isogloss

// moe/router_losses_test.cpp
#include "moe/router_losses.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "kernels/top_k_softmax.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;
using Doubles = std::vector<double>;

constexpr std::int64_t kLossTokens = 9;
constexpr std::int64_t kExperts = 4;

double log_sum(Doubles const& x) {
    double sum = 0.0;
    for (double const value : x) {
        sum += std::exp(value);
    }
    return std::log(sum);
}

Doubles softmax(Doubles x) {
    double const all = log_sum(x);
    for (double& value : x) {
        value = std::exp(value - all);
    }
    return x;
}

Doubles row_of(Doubles const& all, std::int64_t n) {
    return {all.begin() + n * kExperts, all.begin() + (n + 1) * kExperts};
}

class RouterLossesTest : public testing::Test {
protected:
    Tensor<float, 2> logits = Tensor<float, 2>::normal({kLossTokens, kExperts}, "logits", 2.0);
    std::vector<std::int32_t> group{0, 3, -1, 1, -1, 2, 0, 3, 1};
    std::vector<std::int32_t> is_old{1, 0, -1, 1, 1, 0, -1, 1, 0};
    std::vector<std::int32_t> among{4, 0, 2, 4, 4, 0, 1, 3, 4};
    std::vector<float> slope{0.5F, -1.0F, 0.25F, 2.0F};

    [[nodiscard]] RouterLossTerms terms(PriorsForm form) const {
        return {
            .classification = {0.25, 1.28},
            .priors = {0.125, 0.5},
            .classifier = {},
            .priors_form = form,
            .group = {group.data(), {kLossTokens}},
            .is_old = {is_old.data(), {kLossTokens}}};
    }

    // Values by the papers' formulas.
    [[nodiscard]] RouterLossValues values(Doubles const& x, PriorsForm form) const {
        RouterLossValues sum;
        for (std::int64_t n = 0; n < kLossTokens; ++n) {
            auto const i = static_cast<std::size_t>(n);
            auto const p = softmax(row_of(x, n));
            if (group[i] >= 0) {
                sum.classification -= 0.25 * std::log(p[static_cast<std::size_t>(group[i])]);
            }
            if (is_old[i] == 1) {
                sum.priors +=
                    0.125 * (form == PriorsForm::plain ? -std::log(p[0]) : -p[0] + log_sum(p));
            }
        }
        return sum;
    }
    [[nodiscard]] double objective(Doubles const& x, PriorsForm form) const {
        auto const sum = values(x, form);
        double total = 1.28 * sum.classification + 0.5 * sum.priors;
        for (std::int64_t n = 0; n < kLossTokens; ++n) {
            auto const p = softmax(row_of(x, n));
            for (std::size_t e = 0; among[static_cast<std::size_t>(n)] > 0 && e < p.size(); ++e) {
                total += static_cast<double>(slope[e]) * p[e];
            }
        }
        return total;
    }
};

TEST_F(RouterLossesTest, ValuesAreTheFormulas) {
    for (auto const form : {PriorsForm::plain, PriorsForm::released}) {
        auto const computed = router_losses(logits.in(), terms(form), {});
        auto const expected = values(logits.doubles(), form);
        // Both in double.
        EXPECT_NEAR(computed.classification, expected.classification, 1e-13);
        EXPECT_NEAR(computed.priors, expected.priors, 1e-13);
    }
}

TEST_F(RouterLossesTest, GradientsAreCentralDifferencesAndAreAdded) {
    Tensor<float, 2> probs({kLossTokens, kExperts});
    Tensor<float, 2> gate({kLossTokens, 1});
    Tensor<std::int32_t, 2> expert({kLossTokens, 1});
    top_k_softmax(logits.in(), {}, probs.view(), gate.view(), expert.view(), {});
    for (auto const form : {PriorsForm::plain, PriorsForm::released}) {
        Tensor<float, 2> dlogits({kLossTokens, kExperts}, 0.5);
        add_router_loss_gradients(
            probs.in(), terms(form), {{slope.data(), {kExperts}}, {among.data(), {kLossTokens}}},
            dlogits.view(), {}
        );
        auto const expected = test::central_differences(
            [&](Doubles const& x) {
                return objective(x, form) + 0.5 * std::accumulate(x.begin(), x.end(), 0.0);
            },
            logits.doubles()
        );
        // Numbers below 4, about 30 float operations; 1e-6 of the differences.
        test::expect_near(dlogits, expected, [](std::size_t) {
            return 4.0 * 30.0 * test::kFloatRounding + 1e-6;
        });
    }
}

TEST_F(RouterLossesTest, ReleasedPriorsStayWithinTheirBounds) {
    // p_0 = 1 gives ln(e + n - 1) - 1, p_0 = 0 with one other at 1 gives ln(e + n - 1).
    std::int32_t const old = 1;
    for (std::int64_t const n : {2, 3, 4, 6}) {
        double const top = std::log(std::exp(1.0) + static_cast<double>(n) - 1.0);
        RouterLossTerms const of_one{
            .classification = {},
            .priors = {1.0, 1.0},
            .classifier = {},
            .priors_form = PriorsForm::released,
            .group = {},
            .is_old = {&old, {1}}};
        Tensor<float, 2> x({1, n}, 0.0);
        x.raw(0) = 90.0F;
        EXPECT_NEAR(router_losses(x.in(), of_one, {}).priors, top - 1.0, 1e-12) << n;
        x.raw(0) = -90.0F;
        x.raw(1) = 90.0F;
        EXPECT_NEAR(router_losses(x.in(), of_one, {}).priors, top, 1e-12) << n;
        for (std::uint64_t seed = 0; seed < 200; ++seed) {
            for (std::int64_t e = 0; e < n; ++e) {
                auto const normal = random_normal(seed, 5, static_cast<std::uint64_t>(e));
                x.raw(e) = static_cast<float>(4.0 * normal);
            }
            auto const loss = router_losses(x.in(), of_one, {}).priors;
            EXPECT_GE(loss, top - 1.0);
            EXPECT_LE(loss, top);
        }
    }
    // As printed for n = 2, 3, 4 and 6: .313, .551, .744 and 1.044 at least.
    EXPECT_NEAR(std::log(std::exp(1.0) + 1.0) - 1.0, 0.313, 5e-4);
}

TEST_F(RouterLossesTest, FarLogitsGiveFiniteLosses) {
    std::int32_t const old = 1;
    std::int32_t const label = 1;
    Tensor<float, 2> x({1, 2}, 0.0);
    x.raw(0) = 500.0F;
    RouterLossTerms const both{
        .classification = {1.0, 1.0},
        .priors = {1.0, 1.0},
        .classifier = {},
        .priors_form = PriorsForm::plain,
        .group = {&label, {1}},
        .is_old = {&old, {1}}};
    auto const values = router_losses(x.in(), both, {});
    EXPECT_DOUBLE_EQ(values.classification, 500.0);
    EXPECT_DOUBLE_EQ(values.priors, 0.0);
}

TEST_F(RouterLossesTest, UnwantedTermsAreNotLookedAt) {
    // No labels at all: nobody may read them.
    RouterLossTerms const none{};
    auto const values = router_losses(logits.in(), none, {});
    EXPECT_EQ(values.classification, 0.0);
    EXPECT_EQ(values.priors, 0.0);
}

TEST_F(RouterLossesTest, AGroupWithoutExpertIsRefused) {
    group[3] = kExperts;
    EXPECT_THROW(router_losses(logits.in(), terms(PriorsForm::plain), {}), Error);
}

}  // namespace
}  // namespace isogloss

// tests/moe/router_losses_cuda_test.cpp - losses of routers and classifiers on a GPU against the
// CPU.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/math.h"
#include "base/random.h"
#include "moe/classifier_ops.h"
#include "moe/router_losses.h"
#include "moe/scores.h"
#include "support/gpu.h"

namespace isogloss {
namespace {

using test::Twin;

float some_score(std::uint64_t stream, std::size_t i) {
    return static_cast<float>(random_normal(9, stream, i));
}

// Losses are sums of N terms in double whose exponentials and logarithms are within 2 ulp.
constexpr double kLossBound = 1e-12;
constexpr float kUnit = 0x1p-24F;

struct LossProblem {
    std::int64_t tokens;
    std::int64_t experts;
    PriorsForm form;
};

LossProblem const kLossProblems[] = {
    {0, 3, PriorsForm::plain},
    {1, 2, PriorsForm::released},
    {700, 5, PriorsForm::plain},
    {1027, 33, PriorsForm::released}};

class RouterLossesCudaTest : public testing::Test {
protected:
    void run(LossProblem const& problem) {
        auto const [tokens, experts, form] = problem;
        Twin<float, 2> const logits({tokens, experts}, [](std::size_t i) {
            return some_score(1, i);
        });
        Twin<float, 2> const probs({tokens, experts}, [&](std::size_t i) {
            auto const first = i - i % index(experts);
            double sum = 0.0;
            for (auto e = first; e < first + index(experts); ++e) {
                sum += std::exp(static_cast<double>(some_score(1, e)));
            }
            return static_cast<float>(std::exp(static_cast<double>(some_score(1, i))) / sum);
        });
        Twin<std::int32_t, 1> const group({tokens}, [&](std::size_t i) {
            return static_cast<std::int32_t>(random_bits(2, 1, i) % index(experts + 1)) - 1;
        });
        Twin<std::int32_t, 1> const is_old({tokens}, [](std::size_t i) {
            return static_cast<std::int32_t>(random_bits(2, 2, i) % 3) - 1;
        });
        Twin<std::int32_t, 1> const among({tokens}, [](std::size_t i) {
            return static_cast<std::int32_t>(random_bits(2, 3, i) % 2);
        });
        Twin<float, 1> const slope({experts}, [](std::size_t i) { return some_score(4, i); });
        Twin<float, 2> const dlogits({tokens, experts}, [](std::size_t i) {
            return some_score(5, i);
        });

        std::vector<RouterLossValues> values;
        for (auto const device : test::kBothDevices) {
            RouterLossTerms terms;
            terms.classification = {0.25, 1.5};
            terms.priors = {0.5, 0.1};
            terms.priors_form = form;
            terms.group = group.on(device);
            terms.is_old = is_old.on(device);
            values.push_back(router_losses(logits.on(device), terms, Stream{}));
            add_router_loss_gradients(
                probs.on(device), terms, {slope.on(device), among.on(device)}, dlogits.on(device),
                Stream{}
            );
        }
        EXPECT_NEAR(
            values[0].classification, values[1].classification,
            kLossBound * (1.0 + values[0].classification)
        );
        EXPECT_NEAR(values[0].priors, values[1].priors, kLossBound * (1.0 + values[0].priors));
        // Three terms are added to numbers below 5; each is a sum of E products below 5, and the
        // exponential is within 2 ulp.
        auto const operations = static_cast<float>(experts + 12);
        test::expect_near(dlogits, 3.0F * 5.0F * operations * kUnit, "dlogits");
    }
};

TEST_F(RouterLossesCudaTest, ValuesAndGradientsAreThoseOfTheCpu) {
    ISOGLOSS_NEEDS_GPU();
    for (auto const& problem : kLossProblems) {
        SCOPED_TRACE(testing::Message() << problem.tokens << " tokens");
        run(problem);
    }
}

TEST_F(RouterLossesCudaTest, UnwantedTermsAreNotLookedAt) {
    ISOGLOSS_NEEDS_GPU();
    Twin<float, 2> const logits({3, 2}, [](std::size_t i) { return some_score(1, i); });
    auto const values = router_losses(logits.on(Device::cuda), {}, Stream{});
    EXPECT_EQ(values.classification, 0.0);
    EXPECT_EQ(values.priors, 0.0);
    add_router_loss_gradients(logits.on(Device::cuda), {}, {}, logits.on(Device::cuda), Stream{});
    test::expect_equal(logits, "logits");
}

// Sums of D products (of N for the weights) in another order differ by at most D u of the sum of
// the products' sizes: normal numbers, so 2 D / pi on average and never half as much again here.
template <class T>
void expect_scores(std::int64_t tokens, std::int64_t width, std::int64_t experts) {
    Twin<T, 2> const x({tokens, width}, [](std::size_t i) {
        return from_float<T>(some_score(10, i));
    });
    Twin<float, 2> const weight({experts, width}, [](std::size_t i) { return some_score(11, i); });
    Twin<float, 2> const logits({tokens, experts});
    Twin<float, 2> const dlogits({tokens, experts}, [](std::size_t i) {
        return some_score(12, i);
    });
    Twin<float, 2> const dweight({experts, width}, [](std::size_t i) { return some_score(13, i); });
    Twin<T, 2> const dx({tokens, width}, [](std::size_t i) {
        return from_float<T>(some_score(14, i));
    });
    for (auto const device : test::kBothDevices) {
        Arena arena(device);
        score_inputs<T>(dlogits.on(device), weight.on(device), dx.on(device), arena, Stream{});
        score<T>(x.on(device), weight.on(device), logits.on(device), arena, Stream{});
        score_weights<T>(dlogits.on(device), x.on(device), dweight.on(device), arena, Stream{});
    }
    auto const bound = [](std::int64_t terms) {
        auto const count = static_cast<double>(terms);
        return (count + 1.0) * (count + 4.0) * kUnit;
    };
    test::expect_near(logits, bound(width), "logits");
    test::expect_near(dweight, bound(tokens), "dweight");
    // Each device rounds once to T; sums of E products of normal numbers stay below 8 sqrt(E) + 6.
    auto const largest = 8.0 * std::sqrt(static_cast<double>(experts)) + 6.0;
    double const rounding = std::is_same_v<T, bf16> ? 2.0 * 0x1p-8 * largest : 0.0;
    test::expect_near(dx, bound(experts) + rounding, "dx");
}

TEST_F(RouterLossesCudaTest, ScoresAndTheirGradientsAreThoseOfTheCpu) {
    ISOGLOSS_NEEDS_GPU();
    expect_scores<float>(1, 1, 1);
    expect_scores<bf16>(0, 8, 4);
    expect_scores<float>(77, 45, 9);
    expect_scores<bf16>(130, 256, 4);
    expect_scores<bf16>(67, 33, 18);
}

template <class T>
void expect_runs(std::int64_t runs, std::int64_t length, std::int64_t width) {
    auto const tokens = runs * length;
    Twin<T, 2> const x({tokens, width}, [](std::size_t i) {
        return from_float<T>(some_score(6, i));
    });
    Twin<std::int32_t, 1> const lengths({runs}, [&](std::size_t i) {
        return static_cast<std::int32_t>(random_bits(3, 1, i) % index(length + 1));
    });
    for (auto const cut : {true, false}) {
        Twin<float, 2> const sums({runs, width});
        Twin<float, 2> const spread({tokens, width}, [](std::size_t i) {
            return some_score(7, i);
        });
        for (auto const device : test::kBothDevices) {
            View<std::int32_t const, 1> const whole{nullptr, {runs}, device};
            auto const its = cut ? lengths.on(device) : whole;
            sum_runs<T>(x.on(device), its, sums.on(device), Stream{});
            spread_over_runs(sums.on(device), its, spread.on(device), Stream{});
        }
        test::expect_equal(sums, "sums");  // the same additions in the same order
        test::expect_equal(spread, "spread");
    }
}

TEST(ClassifierOpsCudaTest, RunsAreSummedAndSpreadBitForBit) {
    ISOGLOSS_NEEDS_GPU();
    expect_runs<float>(3, 17, 70);
    expect_runs<bf16>(5, 9, 33);
    expect_runs<float>(0, 4, 8);
    expect_runs<bf16>(600, 1, 3);
}

TEST(ClassifierOpsCudaTest, DecisionsLabelsAndGradientsAreThoseOfTheCpu) {
    ISOGLOSS_NEEDS_GPU();
    for (auto const& [runs, length] : {std::pair{0L, 1L}, {7L, 5L}, {2100L, 1L}}) {
        Twin<float, 2> const logits({runs, 2}, [](std::size_t i) {
            return i % 6 < 2 ? 0.5F : 3.0F * some_score(8, i);  // some are equal
        });
        Twin<std::int32_t, 1> const is_old({runs * length}, [](std::size_t i) {
            return static_cast<std::int32_t>(random_bits(3, 2, i) % 3) - 1;
        });
        Twin<std::int32_t, 1> const label({runs});
        Twin<float, 2> const probs({runs, 2});
        Twin<std::int32_t, 1> const among({runs * length});
        Twin<float, 2> const dlogits({runs, 2});
        std::vector<Verdict> verdicts;
        for (auto const device : test::kBothDevices) {
            label_runs(is_old.on(device), label.on(device), Stream{});
            verdicts.push_back(decide(
                logits.on(device), label.on(device), 4, probs.on(device), among.on(device), Stream{}
            ));
            decision_gradient(
                probs.on(device), label.on(device), 0.3F, dlogits.on(device), Stream{}
            );
        }
        test::expect_equal(label, "label");
        test::expect_equal(among, "among");
        // Two exponentials within 2 ulp, a sum and a quotient of numbers up to 1.
        test::expect_near(probs, 8.0F * kUnit, "probs");
        test::expect_near(dlogits, 8.0F * kUnit, "dlogits");
        EXPECT_EQ(verdicts[0].routed, verdicts[1].routed);
        EXPECT_EQ(verdicts[0].decisions, verdicts[1].decisions);
        EXPECT_EQ(verdicts[0].correct, verdicts[1].correct);
        EXPECT_EQ(verdicts[0].old_class, verdicts[1].old_class);
        EXPECT_NEAR(verdicts[0].loss, verdicts[1].loss, kLossBound * (1.0 + verdicts[0].loss));
    }
}

}  // namespace
}  // namespace isogloss

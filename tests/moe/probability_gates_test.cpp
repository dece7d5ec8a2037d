// moe/probability_gates_test.cpp
#include "moe/probability_gates.h"

#include <algorithm>

#include "kernels/top_k_softmax.h"
#include "support/expect_error.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;
using Doubles = std::vector<double>;

constexpr std::int64_t kTokens = 41;

/// A router's choices as it leaves them; token n may have fewer experts to choose among, or none.
struct Chosen {
    Chosen(std::int64_t its_experts, std::int64_t its_choices)
        : experts(its_experts),
          choices(its_choices),
          logits(Tensor<float, 2>::normal({kTokens, experts}, "logits", 2.0)),
          among(Tensor<std::int32_t, 1>::below({kTokens}, "among", experts + 1)),
          probs({kTokens, experts}),
          gate({kTokens, choices}),
          expert({kTokens, choices}) {
        top_k_softmax(logits.in(), among.in(), probs.view(), gate.view(), expert.view(), {});
    }
    [[nodiscard]] ChosenProbabilities view() const { return {probs.in(), expert.in(), among.in()}; }

    std::int64_t experts;
    std::int64_t choices;
    Tensor<float, 2> logits;
    Tensor<std::int32_t, 1> among;
    Tensor<float, 2> probs;
    Tensor<float, 2> gate;
    Tensor<std::int32_t, 2> expert;
};

/// sum over k of weight[k] softmax(logit)[expert[k]]: what the gates are used for.
double weighted_gates(
    Doubles const& logit, std::vector<std::int64_t> const& expert, Doubles const& weight
) {
    double total = 0.0;
    for (double const z : logit) {
        total += std::exp(z);
    }
    double sum = 0.0;
    for (std::size_t k = 0; k < expert.size(); ++k) {
        sum += expert[k] < 0
                   ? 0.0
                   : weight[k] * std::exp(logit[static_cast<std::size_t>(expert[k])]) / total;
    }
    return sum;
}

TEST(ProbabilityGatesTest, AreTheProbabilitiesOfTheChosen) {
    for (auto const& [experts, choices] : {std::pair{2L, 1L}, {5L, 3L}, {64L, 8L}}) {
        Chosen its(experts, choices);
        Tensor<float, 2> gate({kTokens, choices}, 0.25);
        take_probabilities(its.view(), gate.view(), {});
        int absent = 0;
        for (std::int64_t i = 0; i < kTokens * choices; ++i) {
            auto const n = i / choices;
            auto const e = static_cast<std::int64_t>(its.expert[i]);
            double const prob = e < 0 ? 0.0 : its.probs[n * experts + e];
            EXPECT_EQ(gate[i], its.among[n] == 0.0 ? 0.25 : prob) << i;
            absent += e < 0 ? 1 : 0;
        }
        EXPECT_TRUE(choices == 1 || absent > 0);
    }
}

TEST(ProbabilityGatesTest, WithoutLimitsEveryTokenIsRouted) {
    Tensor<float, 2> const probs =
        Tensor<float, 2>::of({2, 3}, {0.5F, 0.2F, 0.3F, 0.1F, 0.2F, 0.7F});
    auto const expert = Tensor<std::int32_t, 2>::of({2, 2}, {0, 2, 2, 1});
    Tensor<float, 2> gate({2, 2});
    take_probabilities({probs.in(), expert.in(), {}}, gate.view(), {});
    for (std::int64_t i = 0; i < 4; ++i) {
        EXPECT_EQ(
            gate[i],
            (std::array{probs[0], probs[2], probs[5], probs[4]}[static_cast<std::size_t>(i)])
        );
    }
}

TEST(ProbabilityGatesTest, GradientsAreCentralDifferencesForEveryExpert) {
    for (auto const& [experts, choices] : {std::pair{2L, 1L}, {5L, 3L}, {13L, 5L}}) {
        Chosen const its(experts, choices);
        auto const dgate = Tensor<float, 2>::normal({kTokens, choices}, "dgate");
        Tensor<float, 2> dlogits({kTokens, experts});
        take_probabilities_backward(its.view(), dgate.in(), dlogits.view(), {});
        auto const logits = its.logits.doubles();
        auto const weights = dgate.doubles();
        for (std::int64_t n = 0; n < kTokens; ++n) {
            std::vector<std::int64_t> chosen;
            for (auto i = n * choices; i < (n + 1) * choices; ++i) {
                chosen.push_back(static_cast<std::int64_t>(its.expert[i]));
            }
            auto const weight =
                Doubles(weights.begin() + n * choices, weights.begin() + (n + 1) * choices);
            auto const slope = test::central_differences(
                [&](Doubles const& logit) { return weighted_gates(logit, chosen, weight); },
                Doubles(logits.begin() + n * experts, logits.begin() + (n + 1) * experts)
            );
            for (std::int64_t e = 0; e < experts; ++e) {
                // 1e-8 of the differences; probabilities below 1 carry experts + 8 roundings, a sum
                // of five gradients of size up to 4 as many again.
                double const bound =
                    1e-7 + 20.0 * static_cast<double>(experts + 16) * test::kFloatRounding;
                auto const exact = its.among[n] == 0.0 ? 0.0 : slope[static_cast<std::size_t>(e)];
                ASSERT_NEAR(dlogits[n * experts + e], exact, bound) << n << " " << e;
            }
        }
    }
}

TEST(ProbabilityGatesTest, NoTokensAreAllowedAndOtherExtentsRefused) {
    Tensor<float, 2> const probs({0, 3});
    Tensor<std::int32_t, 2> const expert({0, 2});
    Tensor<float, 2> gate({0, 2});
    Tensor<float, 2> dlogits({0, 3});
    take_probabilities({probs.in(), expert.in(), {}}, gate.view(), {});
    take_probabilities_backward({probs.in(), expert.in(), {}}, gate.in(), dlogits.view(), {});
    Tensor<float, 2> wrong({1, 2});
    test::expect_error(Exit::internal, "take_probabilities: gate", [&] {
        take_probabilities({probs.in(), expert.in(), {}}, wrong.view(), {});
    });
}

}  // namespace
}  // namespace isogloss

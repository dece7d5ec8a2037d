// kernels/top_k_softmax_test.cpp
#include "kernels/top_k_softmax.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "support/expect_error.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;
using Doubles = std::vector<double>;

Doubles softmax(double const* logit, std::int64_t size) {
    double const largest = *std::max_element(logit, logit + size);
    Doubles prob(static_cast<std::size_t>(size));
    double sum = 0.0;
    for (std::size_t e = 0; e < prob.size(); ++e) {
        prob[e] = std::exp(logit[e] - largest);
        sum += prob[e];
    }
    for (double& p : prob) {
        p /= sum;
    }
    return prob;
}

struct Routed {
    Routed(
        Tensor<float, 2> const& logits, std::int64_t choices, View<std::int32_t const, 1> among = {}
    )
        : probs(logits.in().shape),
          gate({logits.in().shape[0], choices}),
          expert({logits.in().shape[0], choices}) {
        top_k_softmax(logits.in(), among, probs.view(), gate.view(), expert.view(), {});
    }
    Tensor<float, 2> probs;
    Tensor<float, 2> gate;
    Tensor<std::int32_t, 2> expert;
};

struct ChoiceSizes {
    std::int64_t experts, choices;
};
constexpr ChoiceSizes kChoices[] = {{1, 1}, {2, 1}, {2, 2}, {8, 2}, {13, 5}, {64, 8}};

TEST(TopKSoftmaxTest, ChoosesTheLargestAndSharesTheirSum) {
    for (auto const [experts, choices] : kChoices) {
        auto const logits = Tensor<float, 2>::normal({57, experts}, "logits", 2.0);
        Routed const routed(logits, choices);
        Doubles const exact = logits.doubles();
        // A softmax: E roundings of the sum and a few more.
        double const bound = static_cast<double>(experts + 8) * test::kFloatRounding;
        for (std::int64_t n = 0; n < 57; ++n) {
            Doubles const prob = softmax(exact.data() + n * experts, experts);
            Doubles sorted = prob;
            std::sort(sorted.rbegin(), sorted.rend());
            double sum = 0.0;
            for (std::int64_t k = 0; k < choices; ++k) {
                sum += sorted[static_cast<std::size_t>(k)];
            }
            for (std::int64_t e = 0; e < experts; ++e) {
                ASSERT_NEAR(
                    routed.probs[n * experts + e], prob[static_cast<std::size_t>(e)], bound
                );
            }
            for (std::int64_t k = 0; k < choices; ++k) {
                double const expected = sorted[static_cast<std::size_t>(k)];
                auto const chosen = static_cast<std::size_t>(routed.expert[n * choices + k]);
                ASSERT_EQ(prob.at(chosen), expected) << "row " << n << ", choice " << k;
                ASSERT_NEAR(routed.gate[n * choices + k], expected / sum, 4.0 * bound);
            }
        }
    }
}

TEST(TopKSoftmaxTest, TiesGoToTheLowerIndex) {
    Tensor<float, 2> logits({1, 5}, 1.0);
    logits.raw(3) = 2.0F;
    Routed const routed(logits, 3);
    EXPECT_EQ(routed.expert.doubles(), (Doubles{3, 0, 1}));
}

TEST(TopKSoftmaxTest, NoExpertIsChosenTwiceEvenAmongNaN) {
    Tensor<float, 2> const logits({3, 4});
    Routed const routed(logits, 3);
    for (std::int64_t n = 0; n < 3; ++n) {
        std::vector<double> chosen;
        for (std::int64_t k = 0; k < 3; ++k) {
            chosen.push_back(routed.expert[n * 3 + k]);
            EXPECT_GE(chosen.back(), 0);
            EXPECT_LT(chosen.back(), 4);
        }
        std::sort(chosen.begin(), chosen.end());
        EXPECT_EQ(std::unique(chosen.begin(), chosen.end()), chosen.end());
    }
}

// A token with m experts to choose among takes the best min(K, m) of the first m.
TEST(TopKSoftmaxTest, ChoosesAmongTheFirstExpertsAndLeavesTheRestAbsent) {
    std::int64_t const experts = 5;
    std::int64_t const choices = 3;
    auto const logits = Tensor<float, 2>::normal({12, experts}, "logits", 2.0);
    std::vector<std::int32_t> among;
    for (std::int32_t n = 0; n < 12; ++n) {
        among.push_back(n % 6);
    }
    auto const limits = Tensor<std::int32_t, 1>::of({12}, among);
    Routed const routed(logits, choices, limits.in());
    Routed const free(logits, choices);
    EXPECT_EQ(routed.probs.doubles(), free.probs.doubles());
    Doubles const exact = logits.doubles();
    for (std::int64_t n = 0; n < 12; ++n) {
        double const* const logit = exact.data() + n * experts;
        std::vector<std::int32_t> order(static_cast<std::size_t>(n % 6));
        std::iota(order.begin(), order.end(), 0);
        std::ranges::sort(order, std::ranges::greater(), [&](auto e) { return logit[e]; });
        if (order.empty()) {
            order.push_back(0);  // past the router
        }
        order.resize(std::min<std::size_t>(order.size(), 3));
        double sum = 0.0;
        for (auto const e : order) {
            sum += std::exp(logit[e]);
        }
        for (std::int64_t k = 0; k < choices; ++k) {
            auto const at = static_cast<std::size_t>(k);
            bool const is_there = at < order.size();
            EXPECT_EQ(routed.expert[n * choices + k], is_there ? order[at] : -1) << n << " " << k;
            // A softmax of 3: a few roundings, of the exponentials and their sum.
            EXPECT_NEAR(
                routed.gate[n * choices + k], is_there ? std::exp(logit[order[at]]) / sum : 0.0,
                16.0 * test::kFloatRounding
            );
            if (order.size() == 1 && k == 0) {
                EXPECT_EQ(routed.gate[n * choices], 1.0);
            }
        }
    }
}

TEST(TopKSoftmaxTest, ExpertsWhoseProbabilityVanishesCanStillBeChosen) {
    Tensor<float, 2> logits({1, 3}, 0.0);
    logits.raw(0) = -201.0F;
    logits.raw(1) = -200.0F;
    Tensor<std::int32_t, 1> const among({1}, 2.0);
    Routed const routed(logits, 2, among.in());
    EXPECT_EQ(routed.expert.doubles(), (Doubles{1, 0}));
    // exp(-1) / (1 + exp(-1)), a few roundings.
    EXPECT_NEAR(routed.gate[1], std::exp(-1.0) / (1.0 + std::exp(-1.0)), 1e-6);
}

/// sum(gate * dgate), for the experts that were chosen.
double loss(Doubles const& logits, Routed const& routed, ChoiceSizes sizes, Doubles const& dgate) {
    double total = 0.0;
    auto const rows = static_cast<std::int64_t>(logits.size()) / sizes.experts;
    for (std::int64_t n = 0; n < rows; ++n) {
        Doubles const prob = softmax(logits.data() + n * sizes.experts, sizes.experts);
        double sum = 0.0;
        double product = 0.0;
        for (std::int64_t i = n * sizes.choices; i < (n + 1) * sizes.choices; ++i) {
            if (routed.expert[i] >= 0.0) {
                auto const chosen = prob[static_cast<std::size_t>(routed.expert[i])];
                sum += chosen;
                product += chosen * dgate[static_cast<std::size_t>(i)];
            }
        }
        total += product / sum;
    }
    return total;
}

TEST(TopKSoftmaxTest, BackwardIsTheGradient) {
    for (ChoiceSizes const sizes : kChoices) {
        for (bool const everywhere : {true, false}) {
            auto const logits = Tensor<float, 2>::normal({9, sizes.experts}, "logits");
            auto const dgate = Tensor<float, 2>::normal({9, sizes.choices}, "dgate");
            std::vector<std::int32_t> among;
            for (std::int32_t n = 0; n < 9; ++n) {
                among.push_back(n % static_cast<std::int32_t>(sizes.experts + 1));
            }
            auto const limits = Tensor<std::int32_t, 1>::of({9}, among);
            Routed const routed(
                logits, sizes.choices, everywhere ? View<std::int32_t const, 1>{} : limits.in()
            );
            Tensor<float, 2> dlogits({9, sizes.experts});
            top_k_softmax_backward(
                routed.gate.in(), routed.expert.in(), dgate.in(), dlogits.view(), {}
            );
            auto const expected = test::central_differences(
                [&](Doubles const& x) { return loss(x, routed, sizes, dgate.doubles()); },
                logits.doubles()
            );
            // Numbers below 10; K + 16 float operations; 1e-6 of the differences.
            double const terms = static_cast<double>(sizes.choices) + 16.0;
            test::expect_near(dlogits, expected, [&](std::size_t) {
                return 10.0 * terms * test::kFloatRounding + 1e-6;
            });
        }
    }
}

TEST(TopKSoftmaxCheckTest, MoreChoicesThanExpertsAreRefused) {
    Tensor<float, 2> const logits({1, 2}, 0.0);
    test::expect_error(Exit::internal, "3 choices among 2 experts", [&] {
        Routed const routed(logits, 3);
    });
}

}  // namespace
}  // namespace isogloss

// moe/classifier_test.cpp
#include "moe/classifier.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;
using Doubles = std::vector<double>;
using Labels = std::vector<std::int32_t>;

constexpr std::int64_t kRows = 4;
constexpr std::int64_t kLength = 3;
constexpr std::int64_t kClassifierTokens = kRows * kLength;
constexpr std::int64_t kClassifierWidth = 5;

template <class T>
class ClassifierTest : public testing::Test {
protected:
    Tensor<T, 2> x = Tensor<T, 2>::normal({kClassifierTokens, kClassifierWidth}, "x");
    Tensor<float, 2> weight = Tensor<float, 2>::normal({2, kClassifierWidth}, "weight");
    // Row 1 has two tokens before its padding, row 3 none; row 2 has no label.
    Labels row_tokens{3, 2, 3, 0};
    Labels is_old{1, 1, 1, 0, 0, -1, -1, -1, -1, -1, -1, -1};
    Arena arena{Device::cpu};
    LossTerm term{0.25, 0.6};

    [[nodiscard]] Routing routing() const {
        Routing routing;
        routing.classify = true;
        routing.row_length = kLength;
        routing.row_tokens = {row_tokens.data(), {kRows}};
        routing.losses.classifier = term;
        routing.losses.is_old = {is_old.data(), {kClassifierTokens}};
        return routing;
    }
    [[nodiscard]] bool counts(std::int64_t n) const {
        return n % kLength < row_tokens[static_cast<std::size_t>(n / kLength)];
    }
    // [run][class] by the formula.
    [[nodiscard]] std::vector<Doubles> logits(
        Doubles const& at, Doubles const& w, ClassifierSpan span
    ) const {
        auto const run = span == ClassifierSpan::sequence ? kLength : 1;
        std::vector<Doubles> all;
        for (std::int64_t first = 0; first < kClassifierTokens; first += run) {
            Doubles sum(2, 0.0);
            for (auto n = first; n < first + run; ++n) {
                for (std::int64_t d = 0; (run == 1 || counts(n)) && d < kClassifierWidth; ++d) {
                    auto const value = at[static_cast<std::size_t>(n * kClassifierWidth + d)];
                    sum[0] += w[static_cast<std::size_t>(d)] * value;
                    sum[1] += w[static_cast<std::size_t>(kClassifierWidth + d)] * value;
                }
            }
            all.push_back(sum);
        }
        return all;
    }
    // share * sum of -log softmax over labelled runs.
    [[nodiscard]] double loss(Doubles const& at, Doubles const& w, ClassifierSpan span) const {
        auto const run = span == ClassifierSpan::sequence ? kLength : 1;
        auto const c = logits(at, w, span);
        double sum = 0.0;
        for (std::size_t s = 0; s < c.size(); ++s) {
            auto const label = is_old[s * static_cast<std::size_t>(run)];
            if (label >= 0) {
                auto const its = c[s][label == 1 ? 0 : 1];
                sum += std::log(std::exp(c[s][0]) + std::exp(c[s][1])) - its;
            }
        }
        return term.share * sum;
    }
};

using Types = testing::Types<float, bf16>;
TYPED_TEST_SUITE(ClassifierTest, Types);

TYPED_TEST(ClassifierTest, DecidesByTheSumOfTheCountedTokens) {
    for (auto const span : {ClassifierSpan::sequence, ClassifierSpan::token}) {
        auto const choice = classify<TypeParam>(
            this->x.in(), {this->weight.in(), {}, span}, 7, this->routing(), this->arena, {}
        );
        auto const c = this->logits(this->x.doubles(), this->weight.doubles(), span);
        auto const run = kClassifierTokens / static_cast<std::int64_t>(c.size());
        std::int64_t routed = 0;
        for (std::int64_t n = 0; n < kClassifierTokens; ++n) {
            auto const& its = c[static_cast<std::size_t>(n / run)];
            ASSERT_TRUE(its == Doubles(2, 0.0) || std::abs(its[1] - its[0]) > 1e-4);
            EXPECT_EQ(choice.among.data[n], its[1] > its[0] ? 7 : 0) << "token " << n;
            routed += its[1] > its[0] ? 1 : 0;
        }
        EXPECT_EQ(choice.verdict.routed, routed);
        EXPECT_EQ(choice.verdict.decisions, span == ClassifierSpan::sequence ? 2 : 5);
        EXPECT_GT(routed, 0);
        EXPECT_LT(routed, kClassifierTokens);
        // Logits of a few, each a float sum of up to 15 products and 3 terms.
        EXPECT_NEAR(
            this->term.share * choice.verdict.loss,
            this->loss(this->x.doubles(), this->weight.doubles(), span), 1e-5
        );
    }
}

TYPED_TEST(ClassifierTest, BackwardIsTheGradientOfTheLossAndReachesTheTokens) {
    for (auto const span : {ClassifierSpan::sequence, ClassifierSpan::token}) {
        Tensor<float, 2> dweight({2, kClassifierWidth}, 1.0);
        Tensor<float, 2> dx({kClassifierTokens, kClassifierWidth}, 2.0);
        Classifier const classifier{this->weight.in(), dweight.view(), span};
        auto const choice =
            classify<TypeParam>(this->x.in(), classifier, 7, this->routing(), this->arena, {});
        classify_backward(classifier, choice, this->term, dx.view(), this->arena, {});
        auto const at = this->x.doubles();
        auto const w = this->weight.doubles();
        auto by_weight = test::central_differences(
            [&](Doubles const& v) { return 0.6 * this->loss(at, v, span); }, w
        );
        auto by_x = test::central_differences(
            [&](Doubles const& v) { return 0.6 * this->loss(v, w, span); }, at
        );
        for (auto& value : by_weight) {
            value += 1.0;
        }
        for (auto& value : by_x) {
            value += 2.0;
        }
        // Numbers below 8, about 30 operations; 1e-6 of the differences.
        auto const bound = [](std::size_t) { return 8.0 * 30.0 * test::kFloatRounding + 1e-6; };
        test::expect_near(dweight, by_weight, bound);
        test::expect_near(dx, by_x, bound);
    }
}

TYPED_TEST(ClassifierTest, FrozenAndUnneededGradientsAreLeftOut) {
    Classifier const frozen{this->weight.in(), {}, ClassifierSpan::sequence};
    auto const choice =
        classify<TypeParam>(this->x.in(), frozen, 7, this->routing(), this->arena, {});
    classify_backward(frozen, choice, this->term, {}, this->arena, {});  // touches nothing
}

TYPED_TEST(ClassifierTest, EqualLogitsAreOld) {
    Tensor<float, 2> const zero({2, kClassifierWidth}, 0.0);
    auto const choice = classify<TypeParam>(
        this->x.in(), {zero.in(), {}, ClassifierSpan::sequence}, 7, this->routing(), this->arena, {}
    );
    EXPECT_EQ(choice.verdict.routed, 0);
    EXPECT_EQ(choice.verdict.old_class, 2);
    EXPECT_EQ(choice.verdict.correct, 1);
    // Each of two decisions between equals costs ln 2.
    EXPECT_NEAR(choice.verdict.loss, 2.0 * std::log(2.0), 1e-12);
}

TYPED_TEST(ClassifierTest, NoTokensAreAllowedAndPartsOfRowsAreNot) {
    Routing none;
    none.classify = true;
    auto const choice = classify<TypeParam>(
        this->x.in().rows(0, 0), {this->weight.in(), {}, ClassifierSpan::sequence}, 7, none,
        this->arena, {}
    );
    EXPECT_EQ(choice.verdict.routed, 0);
    EXPECT_THROW(
        classify<TypeParam>(
            this->x.in().rows(0, 4), {this->weight.in(), {}, ClassifierSpan::sequence}, 7,
            this->routing(), this->arena, {}
        ),
        Error
    );
}

}  // namespace
}  // namespace isogloss

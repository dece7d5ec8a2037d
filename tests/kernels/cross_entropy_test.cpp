// kernels/cross_entropy_test.cpp
#include "kernels/cross_entropy.h"

#include <algorithm>

#include "support/expect_error.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;
using Doubles = std::vector<double>;

template <class T>
class CrossEntropyTest : public ::testing::Test {};
TYPED_TEST_SUITE(CrossEntropyTest, test::FloatTypes);

double loss_of(double const* row, std::int64_t size, std::int64_t target) {
    double const largest = *std::max_element(row, row + size);
    double sum = 0.0;
    for (std::int64_t v = 0; v < size; ++v) {
        sum += std::exp(row[v] - largest);
    }
    return largest + std::log(sum) - row[target];
}

/// Targets with some ignored.
Tensor<std::int32_t, 1> targets(std::int64_t rows, std::int64_t size) {
    auto target = Tensor<std::int32_t, 1>::below({rows}, "target", size);
    for (std::int64_t n = 0; n < rows; n += 5) {
        target.raw(n) = kIgnoredTarget;
    }
    return target;
}

/// A sum of V positive terms in float and exp_fast: a relative error, so absolute after the log;
/// the difference of two numbers below 64.
double loss_bound(std::int64_t size) {
    return (static_cast<double>(size) + 4.0 + 2.0 * 64.0) * test::kFloatRounding + 0x1p-22;
}

TYPED_TEST(CrossEntropyTest, LossIsTheLogOfTheSoftmax) {
    for (std::int64_t const size : {1, 2, 17, 1000}) {
        auto const logits = Tensor<TypeParam, 2>::normal({43, size}, "logits", 4.0);
        auto const target = targets(43, size);
        Tensor<float, 1> loss({43});
        cross_entropy<TypeParam>(logits.in(), target.in(), loss.view(), {});
        auto const exact = logits.doubles();
        for (std::int64_t n = 0; n < 43; ++n) {
            std::int64_t const id = target.raw(n);
            double const expected =
                id == kIgnoredTarget ? 0.0 : loss_of(exact.data() + n * size, size, id);
            ASSERT_NEAR(loss[n], expected, loss_bound(size)) << "row " << n << " of " << size;
        }
    }
}

TYPED_TEST(CrossEntropyTest, LogitsBecomeTheirGradient) {
    constexpr std::int64_t kRows = 12;
    constexpr std::int64_t kSize = 37;
    constexpr double kScale = 0.125;
    auto logits = Tensor<TypeParam, 2>::normal({kRows, kSize}, "logits", 3.0);
    auto const target = targets(kRows, kSize);
    auto const expected = test::central_differences(
        [&](Doubles const& x) {
            double sum = 0.0;
            for (std::int64_t n = 0; n < kRows; ++n) {
                std::int64_t const id = target.raw(n);
                sum += id == kIgnoredTarget ? 0.0 : loss_of(x.data() + n * kSize, kSize, id);
            }
            return kScale * sum;
        },
        logits.doubles()
    );
    Tensor<float, 1> plain({kRows});
    cross_entropy<TypeParam>(logits.in(), target.in(), plain.view(), {});
    Tensor<float, 1> loss({kRows});
    cross_entropy_with_gradient<TypeParam>(logits.view(), target.in(), kScale, loss.view(), {});
    for (std::int64_t n = 0; n < kRows; ++n) {
        EXPECT_NEAR(loss[n], plain[n], 2.0 * loss_bound(kSize));
    }
    // Probabilities below 1 times the scale: V + 8 float roundings, T's of the result, 1e-6 of the
    // differences.
    test::expect_near(logits, expected, [&](std::size_t i) {
        return kScale * (kSize + 8) * test::kFloatRounding + 1e-6 +
               1.01 * test::rounding_of<TypeParam>() * std::abs(expected[i]);
    });
}

TYPED_TEST(CrossEntropyTest, IgnoredRowsHaveNoLossAndNoGradientEvenIfNotFinite) {
    Tensor<TypeParam, 2> logits({2, 9});  // all NaN
    Tensor<std::int32_t, 1> const target({2}, kIgnoredTarget);
    Tensor<float, 1> loss({2});
    cross_entropy_with_gradient<TypeParam>(logits.view(), target.in(), 1.0F, loss.view(), {});
    EXPECT_TRUE(loss.same_bits(Tensor<float, 1>({2}, 0.0)));
    EXPECT_TRUE(logits.same_bits(Tensor<TypeParam, 2>({2, 9}, 0.0)));
}

TYPED_TEST(CrossEntropyTest, LogitsThatAreNotFiniteGiveALossThatIsNot) {
    for (double const value :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        Tensor<TypeParam, 2> logits({1, 40}, 0.0);
        logits.raw(13) = from_float<TypeParam>(static_cast<float>(value));
        Tensor<std::int32_t, 1> const target({1}, 2.0);
        Tensor<float, 1> loss({1}, 0.0);
        cross_entropy<TypeParam>(logits.in(), target.in(), loss.view(), {});
        EXPECT_FALSE(std::isfinite(loss[0])) << value;
        cross_entropy_with_gradient<TypeParam>(logits.view(), target.in(), 1.0F, loss.view(), {});
        EXPECT_FALSE(std::isfinite(loss[0])) << value;
    }
}

TYPED_TEST(CrossEntropyTest, TheSameBitsForAnyNumberOfThreads) {
    auto const target = targets(200, 777);
    auto const run = [&] {
        auto logits = Tensor<TypeParam, 2>::normal({200, 777}, "logits");
        Tensor<float, 1> loss({200});
        cross_entropy_with_gradient<TypeParam>(logits.view(), target.in(), 1.0F, loss.view(), {});
        return std::pair{logits, loss};
    };
    auto const first = run();
    test::for_thread_counts([&](int threads) {
        auto const again = run();
        EXPECT_TRUE(again.first.same_bits(first.first)) << threads;
        EXPECT_TRUE(again.second.same_bits(first.second)) << threads;
    });
}

TEST(CrossEntropyCheckTest, TargetsOutsideTheVocabularyAreRefused) {
    ISOGLOSS_CPU_ONLY();
    Tensor<float, 2> logits({1, 4}, 0.0);
    Tensor<float, 1> loss({1});
    for (double const id : {4.0, -2.0}) {
        Tensor<std::int32_t, 1> const target({1}, id);
        test::expect_error(Exit::internal, "there are 4 logits", [&] {
            cross_entropy<float>(logits.in(), target.in(), loss.view(), {});
        });
    }
}

}  // namespace
}  // namespace isogloss

// kernels/rms_norm_test.cpp
#include "kernels/rms_norm.h"

#include "support/expect_error.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;
using Doubles = std::vector<double>;

constexpr double kRmsEpsilon = 1e-5F;

template <class T>
class RmsNormTest : public ::testing::Test {};
TYPED_TEST_SUITE(RmsNormTest, test::FloatTypes);

double inverse_of(double const* row, std::size_t width) {
    double sum = 0.0;
    for (std::size_t d = 0; d < width; ++d) {
        sum += row[d] * row[d];
    }
    return 1.0 / std::sqrt(sum / static_cast<double>(width) + kRmsEpsilon);
}

Doubles rms_norm_of(Doubles const& x, Doubles const& gain) {
    Doubles y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        std::size_t const row = i / gain.size() * gain.size();
        y[i] = gain[i - row] * x[i] * inverse_of(&x[row], gain.size());
    }
    return y;
}

/// D roundings of a sum of positive terms, halved by the root, two products, the result's rounding.
template <class T>
double rms_bound(std::size_t width) {
    return (static_cast<double>(width) / 2.0 + 6.0) * test::kFloatRounding +
           1.01 * test::rounding_of<T>();
}

TYPED_TEST(RmsNormTest, MatchesTheFormula) {
    for (std::int64_t const width : {1, 7, 16, 513}) {
        auto const x = Tensor<TypeParam, 2>::normal({67, width}, "x", 3.0);
        auto const gain = Tensor<TypeParam, 1>::normal({width}, "gain");
        Tensor<TypeParam, 2> y({67, width});
        Tensor<float, 1> inverse({67});
        rms_norm<TypeParam>(x.in(), gain.in(), kRmsEpsilon, y.view(), inverse.view(), {});
        auto const expected = rms_norm_of(x.doubles(), gain.doubles());
        auto const size = static_cast<std::size_t>(width);
        test::expect_near(y, expected, [&](std::size_t i) {
            return rms_bound<TypeParam>(size) * std::abs(expected[i]);
        });
        for (std::int64_t n = 0; n < 67; ++n) {
            double const exact = inverse_of(x.doubles().data() + n * width, size);
            EXPECT_NEAR(inverse[n], exact, rms_bound<float>(size) * exact);
        }
    }
}

TYPED_TEST(RmsNormTest, AnOffsetIsAddedToEveryGain) {
    auto const x = Tensor<TypeParam, 2>::normal({67, 33}, "x", 3.0);
    auto const dy = Tensor<TypeParam, 2>::normal({67, 33}, "dy");
    auto const weight = Tensor<TypeParam, 1>::normal({33}, "weight");
    // Exactly 1 + weight, so that both ways compute with the same numbers.
    Tensor<float, 1> gain({33});
    for (std::int64_t d = 0; d < 33; ++d) {
        gain.raw(d) = static_cast<float>(1.0 + weight[d]);
    }
    Tensor<TypeParam, 2> y({67, 33});
    Tensor<float, 1> inverse({67});
    rms_norm<TypeParam>(x.in(), {weight.in(), 1.0F}, kRmsEpsilon, y.view(), inverse.view(), {});
    auto const expected = rms_norm_of(x.doubles(), gain.doubles());
    test::expect_near(y, expected, [&](std::size_t i) {
        return rms_bound<TypeParam>(33) * std::abs(expected[i]);
    });
    Tensor<TypeParam, 2> dx({67, 33}, 0.0);
    Tensor<float, 1> dweight({33}, 0.0);
    rms_norm_backward<TypeParam>(
        dy.in(), x.in(), {weight.in(), 1.0F}, inverse.in(), dx.view(), dweight.view(), {}
    );
    for (std::int64_t n = 0; n < 67; ++n) {
        double dot = 0.0;
        double const scale = inverse_of(x.doubles().data() + n * 33, 33);
        for (std::int64_t d = 0; d < 33; ++d) {
            dot += gain[d] * dy[n * 33 + d] * x[n * 33 + d];
        }
        for (std::int64_t d = 0; d < 33; ++d) {
            double const exact = scale * gain[d] * dy[n * 33 + d] -
                                 scale * scale * scale * dot / 33.0 * x[n * 33 + d];
            // Terms below 30, sums of 33 of them in float; rounded to T once.
            ASSERT_NEAR(
                dx[n * 33 + d], exact,
                30.0 * 45.0 * test::kFloatRounding +
                    1.01 * test::rounding_of<TypeParam>() * std::abs(exact)
            );
        }
    }
}

TYPED_TEST(RmsNormTest, SumComesFirst) {
    auto x = Tensor<TypeParam, 2>::normal({40, 33}, "x");
    auto const delta = Tensor<TypeParam, 2>::normal({40, 33}, "delta");
    auto const gain = Tensor<TypeParam, 1>::normal({33}, "gain");
    Doubles sum = x.doubles();
    for (std::int64_t i = 0; i < x.size(); ++i) {
        sum[static_cast<std::size_t>(i)] += delta[i];
    }
    Tensor<TypeParam, 2> y({40, 33});
    Tensor<float, 1> inverse({40});
    add_rms_norm<TypeParam>(
        x.view(), delta.in(), gain.in(), kRmsEpsilon, y.view(), inverse.view(), {}
    );
    test::expect_near(x, sum, [&](std::size_t i) {
        return 1.01 * test::rounding_of<TypeParam>() * std::abs(sum[i]);
    });
    // The norm is that of the rounded sum, which x holds.
    auto const expected = rms_norm_of(x.doubles(), gain.doubles());
    test::expect_near(y, expected, [&](std::size_t i) {
        return rms_bound<TypeParam>(33) * std::abs(expected[i]);
    });
}

struct Backward {
    Doubles dx, dgain;
};

/// Gradients of sum(y * dy) by central differences of the formula.
Backward rms_slopes(Doubles const& x, Doubles const& gain, Doubles const& dy) {
    auto const loss = [&](Doubles const& a, Doubles const& b) {
        Doubles const y = rms_norm_of(a, b);
        double sum = 0.0;
        for (std::size_t i = 0; i < y.size(); ++i) {
            sum += y[i] * dy[i];
        }
        return sum;
    };
    return {
        test::central_differences([&](Doubles const& a) { return loss(a, gain); }, x),
        test::central_differences([&](Doubles const& b) { return loss(x, b); }, gain)};
}

TYPED_TEST(RmsNormTest, BackwardAddsTheGradient) {
    constexpr std::int64_t kRows = 9;
    constexpr std::int64_t kWidth = 19;
    auto const x = Tensor<TypeParam, 2>::normal({kRows, kWidth}, "x");
    auto const dy = Tensor<TypeParam, 2>::normal({kRows, kWidth}, "dy");
    auto const gain = Tensor<TypeParam, 1>::normal({kWidth}, "gain");
    Tensor<float, 1> inverse({kRows});
    Tensor<TypeParam, 2> y({kRows, kWidth});
    rms_norm<TypeParam>(x.in(), gain.in(), kRmsEpsilon, y.view(), inverse.view(), {});
    Tensor<TypeParam, 2> dx({kRows, kWidth}, 0.5);
    Tensor<float, 1> dgain({kWidth}, -0.5);
    rms_norm_backward<TypeParam>(
        dy.in(), x.in(), gain.in(), inverse.in(), dx.view(), dgain.view(), {}
    );
    auto const expected = rms_slopes(x.doubles(), gain.doubles(), dy.doubles());
    // Terms of a row: |gain dy x| < 30 each; sums of D (dx) or N (dgain) of them in float, plus
    // 1e-6 for the differences; dx is rounded to T once.
    double const sums = 30.0 * (kWidth + 8) * test::kFloatRounding + 1e-6;
    for (std::int64_t i = 0; i < dx.size(); ++i) {
        double const exact = 0.5 + expected.dx[static_cast<std::size_t>(i)];
        ASSERT_NEAR(dx[i], exact, sums + 1.01 * test::rounding_of<TypeParam>() * std::abs(exact));
    }
    for (std::int64_t d = 0; d < kWidth; ++d) {
        ASSERT_NEAR(dgain[d], -0.5 + expected.dgain[static_cast<std::size_t>(d)], sums);
    }
}

TYPED_TEST(RmsNormTest, FrozenGainGetsNoGradientAndChangesNothingElse) {
    auto const x = Tensor<TypeParam, 2>::normal({5, 8}, "x");
    auto const gain = Tensor<TypeParam, 1>::normal({8}, "gain");
    Tensor<float, 1> const inverse({5}, 1.0);
    Tensor<TypeParam, 2> trained({5, 8}, 0.0);
    Tensor<TypeParam, 2> frozen({5, 8}, 0.0);
    Tensor<float, 1> dgain({8}, 0.0);
    rms_norm_backward<TypeParam>(
        x.in(), x.in(), gain.in(), inverse.in(), trained.view(), dgain.view(), {}
    );
    rms_norm_backward<TypeParam>(x.in(), x.in(), gain.in(), inverse.in(), frozen.view(), {}, {});
    EXPECT_TRUE(trained.same_bits(frozen));
}

TYPED_TEST(RmsNormTest, TheSameBitsForAnyNumberOfThreads) {
    auto const x = Tensor<TypeParam, 2>::normal({600, 65}, "x");
    auto const gain = Tensor<TypeParam, 1>::normal({65}, "gain");
    Tensor<float, 1> const inverse({600}, 0.9);
    auto const run = [&] {
        Tensor<TypeParam, 2> dx({600, 65}, 0.0);
        Tensor<float, 1> dgain({65}, 0.0);
        rms_norm_backward<TypeParam>(
            x.in(), x.in(), gain.in(), inverse.in(), dx.view(), dgain.view(), {}
        );
        return std::pair{dx, dgain};
    };
    auto const first = run();
    test::for_thread_counts([&](int threads) {
        auto const again = run();
        EXPECT_TRUE(first.first.same_bits(again.first)) << threads;
        EXPECT_TRUE(first.second.same_bits(again.second)) << threads;
    });
}

TYPED_TEST(RmsNormTest, NoRowsAreFine) {
    Tensor<TypeParam, 2> x({0, 8});
    Tensor<TypeParam, 1> const gain({8}, 1.0);
    Tensor<float, 1> inverse({0});
    Tensor<float, 1> dgain({8}, 2.0);
    rms_norm<TypeParam>(x.in(), gain.in(), kRmsEpsilon, x.view(), inverse.view(), {});
    rms_norm_backward<TypeParam>(
        x.in(), x.in(), gain.in(), inverse.in(), x.view(), dgain.view(), {}
    );
    EXPECT_EQ(dgain[0], 2.0);
}

TEST(RmsNormCheckTest, EpsilonMustBePositive) {
    Tensor<float, 2> x({1, 4}, 0.0);
    Tensor<float, 1> const gain({4}, 1.0);
    Tensor<float, 1> inverse({1});
    test::expect_error(Exit::internal, "epsilon is 0; it must be > 0", [&] {
        rms_norm<float>(x.in(), gain.in(), 0.0F, x.view(), inverse.view(), {});
    });
}

}  // namespace
}  // namespace isogloss

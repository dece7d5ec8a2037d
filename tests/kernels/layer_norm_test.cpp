// kernels/layer_norm_test.cpp
#include "kernels/layer_norm.h"

#include "support/expect_error.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;
using Doubles = std::vector<double>;

constexpr double kLayerEpsilon = 1e-5F;

template <class T>
class LayerNormTest : public ::testing::Test {};
TYPED_TEST_SUITE(LayerNormTest, test::FloatTypes);

struct Moments {
    double mean, inverse;
};

Moments moments_of(double const* row, std::size_t width) {
    double mean = 0.0;
    for (std::size_t d = 0; d < width; ++d) {
        mean += row[d] / static_cast<double>(width);
    }
    double squares = 0.0;
    for (std::size_t d = 0; d < width; ++d) {
        squares += (row[d] - mean) * (row[d] - mean);
    }
    return {mean, 1.0 / std::sqrt(squares / static_cast<double>(width) + kLayerEpsilon)};
}

Doubles layer_norm_of(Doubles const& x, Doubles const& gain, Doubles const& bias) {
    Doubles y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        std::size_t const row = i / gain.size() * gain.size();
        auto const [mean, inverse] = moments_of(&x[row], gain.size());
        y[i] = gain[i - row] * (x[i] - mean) * inverse + bias[i - row];
    }
    return y;
}

template <class T>
struct LayerCase {
    LayerCase(std::int64_t a_rows, std::int64_t a_width)
        : rows(a_rows),
          width(a_width),
          x(Tensor<T, 2>::normal({rows, width}, "x", 3.0)),
          gain(Tensor<T, 1>::normal({width}, "gain")),
          bias(Tensor<T, 1>::normal({width}, "bias")),
          y({rows, width}),
          mean({rows}),
          inverse({rows}) {
        // Far from zero, where squares of x itself would cancel.
        for (std::int64_t i = 0; i < x.size(); ++i) {
            x.raw(i) = from_float<T>(static_cast<float>(x[i] + 20.0));
        }
    }

    [[nodiscard]] LayerNormWeights<T> weights() const { return {gain.in(), bias.in()}; }
    [[nodiscard]] LayerMoments moments() { return {mean.view(), inverse.view()}; }
    void run() { layer_norm<T>(x.in(), weights(), kLayerEpsilon, y.view(), moments(), {}); }
    [[nodiscard]] Doubles expected() const {
        return layer_norm_of(x.doubles(), gain.doubles(), bias.doubles());
    }

    std::int64_t rows;
    std::int64_t width;
    Tensor<T, 2> x;
    Tensor<T, 1> gain;
    Tensor<T, 1> bias;
    Tensor<T, 2> y;
    Tensor<float, 1> mean;
    Tensor<float, 1> inverse;
};

/// The mean, of numbers up to 35, is off by (D + 1) roundings of it, in units of the deviation 3;
/// for one column the deviation is 0 and the root of epsilon, 0.003, takes its place, but there the
/// mean is exact. The root halves the error of D squares. |gain| < 5, |bias| < 5, the result < 20.
template <class T>
double layer_bound(std::int64_t width, double exact) {
    double const mean = 35.0 / 2.0 * static_cast<double>(width + 1);
    double const unit = 4.0 * (static_cast<double>(width) / 2.0 + 8.0) + mean;
    return 5.0 * unit * test::kFloatRounding + 1.01 * test::rounding_of<T>() * std::abs(exact);
}

TYPED_TEST(LayerNormTest, MatchesTheFormula) {
    for (std::int64_t const width : {1, 7, 16, 513}) {
        LayerCase<TypeParam> c(67, width);
        c.run();
        auto const expected = c.expected();
        test::expect_near(c.y, expected, [&](std::size_t i) {
            return layer_bound<TypeParam>(width, expected[i]);
        });
    }
}

TYPED_TEST(LayerNormTest, SumComesFirst) {
    LayerCase<TypeParam> c(40, 33);
    auto const delta = Tensor<TypeParam, 2>::normal({40, 33}, "delta");
    Doubles sum = c.x.doubles();
    for (std::int64_t i = 0; i < c.x.size(); ++i) {
        sum[static_cast<std::size_t>(i)] += delta[i];
    }
    add_layer_norm<TypeParam>(
        c.x.view(), delta.in(), c.weights(), kLayerEpsilon, c.y.view(), c.moments(), {}
    );
    test::expect_near(c.x, sum, [&](std::size_t i) {
        return 1.01 * test::rounding_of<TypeParam>() * std::abs(sum[i]);
    });
    // The norm is that of the rounded sum, which x holds.
    auto const expected = c.expected();
    test::expect_near(c.y, expected, [&](std::size_t i) {
        return layer_bound<TypeParam>(33, expected[i]);
    });
}

TYPED_TEST(LayerNormTest, BackwardAddsTheGradient) {
    constexpr std::int64_t kRows = 9;
    constexpr std::int64_t kWidth = 19;
    LayerCase<TypeParam> c(kRows, kWidth);
    c.run();
    auto const dy = Tensor<TypeParam, 2>::normal({kRows, kWidth}, "dy");
    auto const loss = [&](Doubles const& x, Doubles const& gain, Doubles const& bias) {
        auto const y = layer_norm_of(x, gain, bias);
        double sum = 0.0;
        for (std::size_t i = 0; i < y.size(); ++i) {
            sum += y[i] * dy[static_cast<std::int64_t>(i)];
        }
        return sum;
    };
    auto const x = c.x.doubles();
    auto const gain = c.gain.doubles();
    auto const bias = c.bias.doubles();
    Tensor<TypeParam, 2> dx({kRows, kWidth}, 0.5);
    Tensor<float, 1> dgain({kWidth}, -0.5);
    Tensor<float, 1> dbias({kWidth}, 0.25);
    layer_norm_backward<TypeParam>(
        dy.in(), c.x.in(), c.weights(), c.moments(), dx.view(), {dgain.view(), dbias.view()}, {}
    );
    auto const slope_x =
        test::central_differences([&](Doubles const& at) { return loss(at, gain, bias); }, x);
    auto const slope_gain =
        test::central_differences([&](Doubles const& at) { return loss(x, at, bias); }, gain);
    auto const slope_bias =
        test::central_differences([&](Doubles const& at) { return loss(x, gain, at); }, bias);
    // |gain dy u| < 40 in sums of D or N terms in float, u itself off by the mean's (D + 1)
    // roundings of 35 in units of about 3; 1e-6 for the differences. dx is rounded to T once.
    double const sums = 40.0 * (kWidth + 8 + 12 * (kWidth + 1)) * test::kFloatRounding + 1e-6;
    for (std::int64_t i = 0; i < dx.size(); ++i) {
        double const exact = 0.5 + slope_x[static_cast<std::size_t>(i)];
        ASSERT_NEAR(dx[i], exact, sums + 1.01 * test::rounding_of<TypeParam>() * std::abs(exact));
    }
    for (std::int64_t d = 0; d < kWidth; ++d) {
        ASSERT_NEAR(dgain[d], -0.5 + slope_gain[static_cast<std::size_t>(d)], sums);
        ASSERT_NEAR(dbias[d], 0.25 + slope_bias[static_cast<std::size_t>(d)], sums);
    }
}

TYPED_TEST(LayerNormTest, FrozenWeightsGetNoGradientAndChangeNothingElse) {
    LayerCase<TypeParam> c(5, 8);
    c.run();
    Tensor<TypeParam, 2> trained({5, 8}, 0.0);
    Tensor<TypeParam, 2> frozen({5, 8}, 0.0);
    Tensor<float, 1> dgain({8}, 0.0);
    Tensor<float, 1> dbias({8}, 0.0);
    layer_norm_backward<TypeParam>(
        c.y.in(), c.x.in(), c.weights(), c.moments(), trained.view(), {dgain.view(), dbias.view()},
        {}
    );
    layer_norm_backward<TypeParam>(
        c.y.in(), c.x.in(), c.weights(), c.moments(), frozen.view(), {}, {}
    );
    EXPECT_TRUE(trained.same_bits(frozen));
}

TYPED_TEST(LayerNormTest, TheSameBitsForAnyNumberOfThreads) {
    LayerCase<TypeParam> c(600, 65);
    c.run();
    auto const run = [&] {
        Tensor<TypeParam, 2> dx({600, 65}, 0.0);
        Tensor<float, 1> dgain({65}, 0.0);
        Tensor<float, 1> dbias({65}, 0.0);
        layer_norm_backward<TypeParam>(
            c.y.in(), c.x.in(), c.weights(), c.moments(), dx.view(), {dgain.view(), dbias.view()},
            {}
        );
        return std::tuple{dx, dgain, dbias};
    };
    auto const first = run();
    test::for_thread_counts([&](int threads) {
        auto const again = run();
        EXPECT_TRUE(std::get<0>(first).same_bits(std::get<0>(again))) << threads;
        EXPECT_TRUE(std::get<1>(first).same_bits(std::get<1>(again))) << threads;
        EXPECT_TRUE(std::get<2>(first).same_bits(std::get<2>(again))) << threads;
    });
}

TYPED_TEST(LayerNormTest, NoRowsAreFine) {
    LayerCase<TypeParam> c(0, 8);
    c.run();
    Tensor<float, 1> dgain({8}, 2.0);
    Tensor<float, 1> dbias({8}, 2.0);
    layer_norm_backward<TypeParam>(
        c.y.in(), c.x.in(), c.weights(), c.moments(), c.y.view(), {dgain.view(), dbias.view()}, {}
    );
    EXPECT_EQ(dgain[0], 2.0);
    EXPECT_EQ(dbias[7], 2.0);
}

TEST(LayerNormCheckTest, HalfFrozenWeightsAreRefused) {
    LayerCase<float> c(1, 4);
    c.run();
    Tensor<float, 1> dgain({4}, 0.0);
    test::expect_error(Exit::internal, "freeze both or none", [&] {
        layer_norm_backward<float>(
            c.y.in(), c.x.in(), c.weights(), c.moments(), c.y.view(), {dgain.view(), {}}, {}
        );
    });
}

}  // namespace
}  // namespace isogloss

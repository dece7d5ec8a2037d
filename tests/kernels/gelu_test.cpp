// kernels/gelu_test.cpp
#include "kernels/gelu.h"

#include <numbers>

#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;
using Doubles = std::vector<double>;

template <class T>
class GeluTest : public ::testing::Test {};
TYPED_TEST_SUITE(GeluTest, test::FloatTypes);

double gelu_of(double z) {
    double const u = std::sqrt(2.0 / std::numbers::pi) * (z + 0.044715 * z * z * z);
    return 0.5 * z * (1.0 + std::tanh(u));
}

Doubles plain(Doubles const& x) {
    Doubles y;
    for (double const z : x) {
        y.push_back(gelu_of(z));
    }
    return y;
}

Doubles gated(Doubles const& gate_up, std::size_t width) {
    Doubles y(gate_up.size() / 2);
    for (std::size_t i = 0; i < y.size(); ++i) {
        std::size_t const gate = i / width * 2 * width + i % width;
        y[i] = gelu_of(gate_up[gate]) * gate_up[gate + width];
    }
    return y;
}

/// The exponent 2u is off by 6 roundings of its size, which is its relative error in exp: at most
/// 6 |2u| 2^-24, and where gelu is not tiny (2u > -40) below 240 roundings. exp_fast adds 2^-22.
template <class T>
double gelu_bound() {
    return 0x1p-22 + 250.0 * test::kFloatRounding + 1.01 * test::rounding_of<T>();
}

TYPED_TEST(GeluTest, MatchesTheFormula) {
    for (std::int64_t const width : {1, 15, 16, 100}) {
        auto x = Tensor<TypeParam, 2>::normal({113, width}, "x", 2.0);
        x.raw(0) = from_float<TypeParam>(50.0F);
        Tensor<TypeParam, 2> y({113, width});
        gelu<TypeParam>(x.in(), y.view(), {});
        auto const expected = plain(x.doubles());
        // 1e-13: below 2u = -40 the formula's own 1 + tanh cancels, and values are smaller.
        test::expect_near(y, expected, [&](std::size_t i) {
            return gelu_bound<TypeParam>() * std::abs(expected[i]) + 1e-13;
        });
    }
}

TYPED_TEST(GeluTest, AGateMultipliesTheOtherHalf) {
    for (std::int64_t const width : {1, 15, 16, 100}) {
        auto const gate_up = Tensor<TypeParam, 2>::normal({113, 2 * width}, "gate_up", 2.0);
        Tensor<TypeParam, 2> y({113, width});
        geglu<TypeParam>(gate_up.in(), y.view(), {});
        auto const expected = gated(gate_up.doubles(), static_cast<std::size_t>(width));
        test::expect_near(y, expected, [&](std::size_t i) {
            return gelu_bound<TypeParam>() * std::abs(expected[i]) + 1e-12;
        });
    }
}

TYPED_TEST(GeluTest, LargeNumbersGiveNeitherNaNNorInfinity) {
    Tensor<TypeParam, 2> x({1, 2});
    x.raw(0) = from_float<TypeParam>(-1e4F);
    x.raw(1) = from_float<TypeParam>(1e4F);
    Tensor<TypeParam, 2> y({1, 2});
    Tensor<TypeParam, 2> dx({1, 2});
    gelu<TypeParam>(x.in(), y.view(), {});
    Tensor<TypeParam, 2> const dy({1, 2}, 1.0);
    gelu_backward<TypeParam>(x.in(), dy.in(), dx.view(), {});
    // 0 in the limit; the code stops at e^88, so 1e4 / e^88 may remain, in the slope times 1e7.
    EXPECT_NEAR(y[0], 0.0, 1e-33);
    EXPECT_NEAR(y[1], x[1], 1e4 * test::rounding_of<TypeParam>());
    EXPECT_NEAR(dx[0], 0.0, 1e-20);
    EXPECT_NEAR(dx[1], 1.0, 1e-20);
}

/// Of sum(y * dy) by central differences of the formula.
template <class Formula, class T>
Doubles gelu_slopes(Formula const& formula, Doubles const& x, Tensor<T, 2> const& dy) {
    return test::central_differences(
        [&](Doubles const& at) {
            Doubles const y = formula(at);
            double sum = 0.0;
            for (std::size_t i = 0; i < y.size(); ++i) {
                sum += y[i] * dy[static_cast<std::int64_t>(i)];
            }
            return sum;
        },
        x
    );
}

// |dy up slope| < 40: float operations on that scale, the exponent's error (see above, |2u| < 20
// where the slope is not nearly 0 or 1), T's rounding of the result, 1e-6 for the differences.
template <class T>
double slope_bound(double exact) {
    return 40.0 * (0x1p-22 + 130.0 * test::kFloatRounding) + 1e-6 +
           1.01 * test::rounding_of<T>() * std::abs(exact);
}

TYPED_TEST(GeluTest, BackwardIsTheGradientAlsoInPlace) {
    auto x = Tensor<TypeParam, 2>::normal({11, 21}, "x", 2.0);
    auto const dy = Tensor<TypeParam, 2>::normal({11, 21}, "dy");
    auto const expected = gelu_slopes(plain, x.doubles(), dy);
    Tensor<TypeParam, 2> dx({11, 21});
    gelu_backward<TypeParam>(x.in(), dy.in(), dx.view(), {});
    test::expect_near(dx, expected, [&](std::size_t i) {
        return slope_bound<TypeParam>(expected[i]);
    });
    gelu_backward<TypeParam>(x.in(), dy.in(), x.view(), {});
    EXPECT_TRUE(x.same_bits(dx));
}

TYPED_TEST(GeluTest, BackwardOfAGateIsTheGradientAlsoInPlace) {
    auto gate_up = Tensor<TypeParam, 2>::normal({11, 42}, "gate_up", 2.0);
    auto const dy = Tensor<TypeParam, 2>::normal({11, 21}, "dy");
    auto const expected =
        gelu_slopes([](Doubles const& x) { return gated(x, 21); }, gate_up.doubles(), dy);
    Tensor<TypeParam, 2> dgate_up({11, 42});
    geglu_backward<TypeParam>(gate_up.in(), dy.in(), dgate_up.view(), {});
    test::expect_near(dgate_up, expected, [&](std::size_t i) {
        return slope_bound<TypeParam>(expected[i]);
    });
    geglu_backward<TypeParam>(gate_up.in(), dy.in(), gate_up.view(), {});
    EXPECT_TRUE(gate_up.same_bits(dgate_up));
}

TYPED_TEST(GeluTest, NoRowsAreFine) {
    Tensor<TypeParam, 2> gate_up({0, 8});
    Tensor<TypeParam, 2> y({0, 4});
    geglu<TypeParam>(gate_up.in(), y.view(), {});
    geglu_backward<TypeParam>(gate_up.in(), y.in(), gate_up.view(), {});
    gelu<TypeParam>(y.in(), y.view(), {});
    gelu_backward<TypeParam>(y.in(), y.in(), y.view(), {});
    EXPECT_EQ(y.size(), 0);
}

}  // namespace
}  // namespace isogloss

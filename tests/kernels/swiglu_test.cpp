// kernels/swiglu_test.cpp
#include "kernels/swiglu.h"

#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;
using Doubles = std::vector<double>;

template <class T>
class SwigluTest : public ::testing::Test {};
TYPED_TEST_SUITE(SwigluTest, test::FloatTypes);

Doubles swiglu_of(Doubles const& gate_up, std::size_t width) {
    Doubles y(gate_up.size() / 2);
    for (std::size_t i = 0; i < y.size(); ++i) {
        std::size_t const gate = i / width * 2 * width + i % width;
        double const z = gate_up[gate];
        y[i] = z / (1.0 + std::exp(-z)) * gate_up[gate + width];
    }
    return y;
}

/// exp_fast is good to 2^-22; four more float operations; the result's rounding.
template <class T>
double swiglu_bound() {
    return 0x1p-22 + 4.0 * test::kFloatRounding + 1.01 * test::rounding_of<T>();
}

TYPED_TEST(SwigluTest, MatchesTheFormula) {
    for (std::int64_t const width : {1, 15, 16, 100}) {
        auto gate_up = Tensor<TypeParam, 2>::normal({113, 2 * width}, "gate_up", 4.0);
        gate_up.raw(0) = from_float<TypeParam>(60.0F);
        Tensor<TypeParam, 2> y({113, width});
        swiglu<TypeParam>(gate_up.in(), y.view(), {});
        auto const expected = swiglu_of(gate_up.doubles(), static_cast<std::size_t>(width));
        test::expect_near(y, expected, [&](std::size_t i) {
            return swiglu_bound<TypeParam>() * std::abs(expected[i]) + 1e-37;
        });
    }
}

TYPED_TEST(SwigluTest, LargeGatesGiveNeitherNaNNorInfinity) {
    Tensor<TypeParam, 2> gate_up({2, 2}, 1.0);
    gate_up.raw(0) = from_float<TypeParam>(-1e4F);
    gate_up.raw(2) = from_float<TypeParam>(1e4F);
    Tensor<TypeParam, 2> y({2, 1});
    swiglu<TypeParam>(gate_up.in(), y.view(), {});
    // z e^z is 0 in float for z = -1e4; the code stops at e^88, so 1e4 / e^88 = 6e-35 may remain.
    EXPECT_NEAR(y[0], 0.0, 1e-33);
    EXPECT_NEAR(y[1], gate_up[2], 1e4 * test::rounding_of<TypeParam>());
}

TYPED_TEST(SwigluTest, BackwardIsTheGradientAlsoInPlace) {
    constexpr std::int64_t kRows = 11;
    constexpr std::int64_t kWidth = 21;
    auto gate_up = Tensor<TypeParam, 2>::normal({kRows, 2 * kWidth}, "gate_up", 2.0);
    auto const dy = Tensor<TypeParam, 2>::normal({kRows, kWidth}, "dy");
    auto const expected = test::central_differences(
        [&](Doubles const& x) {
            Doubles const y = swiglu_of(x, kWidth);
            double sum = 0.0;
            for (std::size_t i = 0; i < y.size(); ++i) {
                sum += y[i] * dy[static_cast<std::int64_t>(i)];
            }
            return sum;
        },
        gate_up.doubles()
    );
    Tensor<TypeParam, 2> dgate_up({kRows, 2 * kWidth});
    swiglu_backward<TypeParam>(gate_up.in(), dy.in(), dgate_up.view(), {});
    // |dy up (s + z s (1 - s))| < 40: float operations on that scale, T's rounding of the result,
    // 1e-6 for the differences.
    test::expect_near(dgate_up, expected, [&](std::size_t i) {
        return 40.0 * (0x1p-22 + 8.0 * test::kFloatRounding) + 1e-6 +
               1.01 * test::rounding_of<TypeParam>() * std::abs(expected[i]);
    });
    swiglu_backward<TypeParam>(gate_up.in(), dy.in(), gate_up.view(), {});
    EXPECT_TRUE(gate_up.same_bits(dgate_up));
}

TYPED_TEST(SwigluTest, NoRowsAreFine) {
    Tensor<TypeParam, 2> gate_up({0, 8});
    Tensor<TypeParam, 2> y({0, 4});
    swiglu<TypeParam>(gate_up.in(), y.view(), {});
    swiglu_backward<TypeParam>(gate_up.in(), y.in(), gate_up.view(), {});
    EXPECT_EQ(y.size(), 0);
}

}  // namespace
}  // namespace isogloss

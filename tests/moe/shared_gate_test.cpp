// moe/shared_gate_test.cpp - each operation against its formula in double.
#include "moe/shared_gate.h"

#include "support/expect_error.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;

constexpr std::array<std::array<std::int64_t, 2>, 4> kShapes{{{0, 5}, {1, 1}, {9, 33}, {70, 257}}};

template <class T>
class SharedGateTest : public testing::Test {
protected:
    static constexpr double kStored = test::rounding_of<T>();
    /// Of a sum of products in float: n roundings of at most the sum of sizes.
    static double of_sum(double sizes, std::int64_t terms) {
        return sizes * static_cast<double>(terms + 1) * test::kFloatRounding;
    }
    /// Of what is computed in a few operations in float and rounded once to T.
    static double of_value(double value, double parts) {
        return std::abs(value) * kStored + 4.0 * parts * test::kFloatRounding * (1.0 + kStored);
    }
};
TYPED_TEST_SUITE(SharedGateTest, test::FloatTypes);

TYPED_TEST(SharedGateTest, IsTheSigmoidOfOneScore) {
    using T = TypeParam;
    for (auto const& shape : kShapes) {
        auto const [tokens, width] = shape;
        auto const x = Tensor<T, 2>::normal(shape, "x");
        auto const weight = Tensor<T, 2>::normal({1, width}, "weight", 0.3);
        Tensor<float, 1> gate({tokens});
        shared_gate<T>(x.in(), weight.in(), gate.view(), {});
        for (std::int64_t n = 0; n < tokens; ++n) {
            double score = 0.0;
            double sizes = 0.0;
            for (std::int64_t d = 0; d < width; ++d) {
                score += x[n * width + d] * weight[d];
                sizes += std::abs(x[n * width + d] * weight[d]);
            }
            // The slope of a sigmoid is at most 1/4; an exponential, a sum, a quotient.
            double const bound = this->of_sum(sizes, width) / 4.0 + 8.0 * test::kFloatRounding;
            ASSERT_NEAR(gate[n], 1.0 / (1.0 + std::exp(-score)), bound) << n;
        }
    }
}

TYPED_TEST(SharedGateTest, ScoresOfAnySizeGiveGatesFromZeroToOne) {
    using T = TypeParam;
    auto const x = Tensor<T, 2>::of(
        {3, 1}, {from_float<T>(-512.0F), from_float<T>(0.0F), from_float<T>(512.0F)}
    );
    Tensor<T, 2> const weight({1, 1}, 1.0);
    Tensor<float, 1> gate({3});
    shared_gate<T>(x.in(), weight.in(), gate.view(), {});
    EXPECT_EQ(gate.doubles(), (std::vector<double>{0.0, 0.5, 1.0}));
}

TYPED_TEST(SharedGateTest, GatedRowsAreAdded) {
    using T = TypeParam;
    for (auto const& shape : kShapes) {
        auto const [tokens, width] = shape;
        auto const z = Tensor<T, 2>::normal(shape, "z");
        auto const gate = Tensor<float, 1>::normal({tokens}, "gate");
        auto y = Tensor<T, 2>::normal(shape, "y");
        auto const before = y.doubles();
        add_gated<T>(z.in(), gate.in(), y.view(), {});
        for (std::int64_t i = 0; i < y.size(); ++i) {
            double const product = gate[i / width] * z[i];
            double const exact = before[static_cast<std::size_t>(i)] + product;
            double const parts = std::abs(before[static_cast<std::size_t>(i)]) + std::abs(product);
            ASSERT_NEAR(y[i], exact, this->of_value(exact, parts)) << i;
        }
    }
}

TYPED_TEST(SharedGateTest, GradientsAreThoseOfTheFormula) {
    using T = TypeParam;
    for (auto const& shape : kShapes) {
        auto const [tokens, width] = shape;
        auto const dy = Tensor<T, 2>::normal(shape, "dy");
        auto const z = Tensor<T, 2>::normal(shape, "z");
        auto const gate = Tensor<float, 1>::normal({tokens}, "gate", 0.3);
        Tensor<T, 2> dz(shape);
        Tensor<float, 1> dscore({tokens});
        shared_gate_backward<T>(dy.in(), {z.in(), gate.in()}, dz.view(), dscore.view(), {});
        for (std::int64_t n = 0; n < tokens; ++n) {
            double dot = 0.0;
            double sizes = 0.0;
            for (auto i = n * width; i < (n + 1) * width; ++i) {
                dot += dy[i] * z[i];
                sizes += std::abs(dy[i] * z[i]);
                double const exact = gate[n] * dy[i];
                ASSERT_NEAR(dz[i], exact, this->of_value(exact, std::abs(exact))) << i;
            }
            double const slope = gate[n] * (1.0 - gate[n]);
            double const bound =
                std::abs(gate[n]) * (1.0 + std::abs(gate[n])) * this->of_sum(sizes, width + 4);
            ASSERT_NEAR(dscore[n], slope * dot, bound) << n;
        }
    }
}

TYPED_TEST(SharedGateTest, InputsGetWhatComesThroughExpertAndGate) {
    using T = TypeParam;
    for (auto const& shape : kShapes) {
        auto const [tokens, width] = shape;
        auto const part = Tensor<T, 2>::normal(shape, "part");
        auto const dscore = Tensor<float, 1>::normal({tokens}, "dscore");
        auto const weight = Tensor<T, 2>::normal({1, width}, "weight");
        auto dx = Tensor<T, 2>::normal(shape, "dx");
        auto const before = dx.doubles();
        add_shared_input<T>(part.in(), dscore.in(), weight.in(), dx.view(), {});
        for (std::int64_t i = 0; i < dx.size(); ++i) {
            double const product = dscore[i / width] * weight[i % width];
            double const old = before[static_cast<std::size_t>(i)];
            double const parts = std::abs(old) + std::abs(part[i]) + std::abs(product);
            ASSERT_NEAR(
                dx[i], old + part[i] + product, this->of_value(old + part[i] + product, parts)
            ) << i;
        }
    }
}

TYPED_TEST(SharedGateTest, ExtentsThatDisagreeAreRefused) {
    using T = TypeParam;
    Tensor<T, 2> const x({3, 4}, 1.0);
    Tensor<T, 2> const narrow({1, 3}, 1.0);
    Tensor<float, 1> gate({3});
    test::expect_error(Exit::internal, "shared_gate: weight", [&] {
        shared_gate<T>(x.in(), narrow.in(), gate.view(), {});
    });
}

}  // namespace
}  // namespace isogloss

// kernels/head_norm_test.cpp
#include "kernels/head_norm.h"

#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;
using Doubles = std::vector<double>;

constexpr double kHeadEpsilon = 1e-4F;
constexpr std::int64_t kTokens = 9;
constexpr std::int64_t kQueries = 3;
constexpr std::int64_t kKeys = 2;
constexpr std::int64_t kAllHeads = 7;  // two of values
constexpr std::int64_t kHeadWidth = 5;

template <class T>
class HeadNormTest : public ::testing::Test {};
TYPED_TEST_SUITE(HeadNormTest, test::FloatTypes);

Doubles head_norm_of(Doubles const& x, Doubles const& query_gain, Doubles const& key_gain) {
    Doubles y = x;
    for (std::size_t first = 0; first < x.size(); first += kHeadWidth) {
        auto const head = static_cast<std::int64_t>(first) / kHeadWidth % kAllHeads;
        if (head >= kQueries + kKeys) {
            continue;
        }
        auto const& gain = head < kQueries ? query_gain : key_gain;
        double squares = 0.0;
        for (std::size_t w = 0; w < kHeadWidth; ++w) {
            squares += x[first + w] * x[first + w];
        }
        double const inverse = 1.0 / std::sqrt(squares / kHeadWidth + kHeadEpsilon);
        for (std::size_t w = 0; w < kHeadWidth; ++w) {
            y[first + w] = gain[w] * x[first + w] * inverse;
        }
    }
    return y;
}

template <class T>
struct HeadCase {
    [[nodiscard]] HeadNorm<T> norm() const {
        return {kQueries, kKeys, query_gain.in(), key_gain.in(), static_cast<float>(kHeadEpsilon)};
    }
    void run() { head_norm<T>(x.in(), norm(), y.view(), inverse.view(), {}); }

    Tensor<T, 3> x = Tensor<T, 3>::normal({kTokens, kAllHeads, kHeadWidth}, "x", 2.0);
    Tensor<T, 1> query_gain = Tensor<T, 1>::normal({kHeadWidth}, "queries");
    Tensor<T, 1> key_gain = Tensor<T, 1>::normal({kHeadWidth}, "keys");
    Tensor<T, 3> y = Tensor<T, 3>({kTokens, kAllHeads, kHeadWidth});
    Tensor<float, 2> inverse = Tensor<float, 2>({kTokens, kQueries + kKeys});
};

TYPED_TEST(HeadNormTest, MatchesTheFormulaAndLeavesValues) {
    ISOGLOSS_CPU_ONLY();
    HeadCase<TypeParam> c;
    c.run();
    auto const expected = head_norm_of(c.x.doubles(), c.query_gain.doubles(), c.key_gain.doubles());
    // W roundings halved by the root, two products, the result's rounding.
    test::expect_near(c.y, expected, [&](std::size_t i) {
        return (9.0 * test::kFloatRounding + 1.01 * test::rounding_of<TypeParam>()) *
               std::abs(expected[i]);
    });
    for (std::int64_t i = (kQueries + kKeys) * kHeadWidth; i < kAllHeads * kHeadWidth; ++i) {
        EXPECT_EQ(c.y[i], c.x[i]);
    }
}

TYPED_TEST(HeadNormTest, BackwardIsTheGradient) {
    ISOGLOSS_CPU_ONLY();
    HeadCase<TypeParam> c;
    c.run();
    auto const dy = Tensor<TypeParam, 3>::normal({kTokens, kAllHeads, kHeadWidth}, "dy");
    auto const loss = [&](Doubles const& x, Doubles const& queries, Doubles const& keys) {
        auto const y = head_norm_of(x, queries, keys);
        double sum = 0.0;
        for (std::size_t i = 0; i < y.size(); ++i) {
            sum += y[i] * dy[static_cast<std::int64_t>(i)];
        }
        return sum;
    };
    auto const x = c.x.doubles();
    auto const queries = c.query_gain.doubles();
    auto const keys = c.key_gain.doubles();
    auto dx = dy;
    auto frozen_dx = dy;
    Tensor<float, 1> dqueries({kHeadWidth}, 0.5);
    Tensor<float, 1> dkeys({kHeadWidth}, -0.5);
    head_norm_backward<TypeParam>(
        c.x.in(), c.norm(), c.inverse.in(), dx.view(), {dqueries.view(), dkeys.view()}, {}
    );
    head_norm_backward<TypeParam>(c.x.in(), c.norm(), c.inverse.in(), frozen_dx.view(), {}, {});
    EXPECT_TRUE(dx.same_bits(frozen_dx));
    auto const slope_x =
        test::central_differences([&](Doubles const& at) { return loss(at, queries, keys); }, x);
    auto const slope_queries =
        test::central_differences([&](Doubles const& at) { return loss(x, at, keys); }, queries);
    auto const slope_keys =
        test::central_differences([&](Doubles const& at) { return loss(x, queries, at); }, keys);
    // |gain dy x inverse| < 30, inverse < 5 on the smallest head; W or 3 N terms; 1e-6 for the
    // differences. dx is rounded to T once.
    double const sums = 150.0 * (3 * kTokens + 8) * test::kFloatRounding + 1e-6;
    test::expect_near(dx, slope_x, [&](std::size_t i) {
        return sums + 1.01 * test::rounding_of<TypeParam>() * std::abs(slope_x[i]);
    });
    for (std::size_t w = 0; w < kHeadWidth; ++w) {
        EXPECT_NEAR(dqueries[static_cast<std::int64_t>(w)], 0.5 + slope_queries[w], sums);
        EXPECT_NEAR(dkeys[static_cast<std::int64_t>(w)], -0.5 + slope_keys[w], sums);
    }
}

TYPED_TEST(HeadNormTest, NoTokensAreFine) {
    ISOGLOSS_CPU_ONLY();
    HeadCase<TypeParam> const c;
    Tensor<TypeParam, 3> none({0, kAllHeads, kHeadWidth});
    Tensor<float, 2> inverse({0, kQueries + kKeys});
    head_norm<TypeParam>(none.in(), c.norm(), none.view(), inverse.view(), {});
    EXPECT_EQ(inverse.size(), 0);
}

}  // namespace
}  // namespace isogloss

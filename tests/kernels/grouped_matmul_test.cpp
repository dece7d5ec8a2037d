// kernels/grouped_matmul_test.cpp
#include "kernels/grouped_matmul.h"

#include "support/expect_error.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;

template <class T>
class GroupedMatmulTest : public ::testing::Test {};
TYPED_TEST_SUITE(GroupedMatmulTest, test::FloatTypes);

constexpr std::int64_t kIn = 24;
constexpr std::int64_t kOut = 37;
/// Empty at both ends and inside, smaller than a block, whole blocks, blocks and a rest.
std::vector<std::int64_t> const kBegin{0, 0, 5, 69, 69, 70, 205, 333, 333};

/// The group that a row belongs to.
std::size_t group_of(std::int64_t row) {
    std::size_t g = 0;
    while (row >= kBegin[g + 1]) {
        ++g;
    }
    return g;
}

template <class T>
std::vector<Tensor<T, 2>> weights() {
    std::vector<Tensor<T, 2>> all;
    for (std::size_t g = 0; g + 1 < kBegin.size(); ++g) {
        all.push_back(Tensor<T, 2>::normal({kOut, kIn}, "weight" + std::to_string(g)));
    }
    return all;
}

template <class T>
std::vector<View<T const, 2>> views(std::vector<Tensor<T, 2>> const& tensors) {
    std::vector<View<T const, 2>> all;
    for (auto const& tensor : tensors) {
        all.push_back(tensor.in());
    }
    return all;
}

/// Sums of K products in float and one rounding of the result.
template <class T>
double bound(std::int64_t terms, double magnitude, double value) {
    return static_cast<double>(terms) * test::kFloatRounding * magnitude +
           1.01 * test::rounding_of<T>() * std::abs(value);
}

TYPED_TEST(GroupedMatmulTest, ForwardUsesTheWeightOfTheRowsGroup) {
    std::int64_t const rows = kBegin.back();
    auto const x = Tensor<TypeParam, 2>::normal({rows, kIn}, "x");
    auto const weight = weights<TypeParam>();
    auto const weight_views = views(weight);
    Tensor<TypeParam, 2> y({rows, kOut});
    grouped_matmul_nt<TypeParam>(x.in(), kBegin, weight_views, y.view(), {});
    for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t m = 0; m < kOut; ++m) {
            double sum = 0.0;
            double magnitude = 0.0;
            for (std::int64_t k = 0; k < kIn; ++k) {
                double const term = weight[group_of(r)][m * kIn + k] * x[r * kIn + k];
                sum += term;
                magnitude += std::abs(term);
            }
            ASSERT_NEAR(y[r * kOut + m], sum, bound<TypeParam>(kIn, magnitude, sum)) << r;
        }
    }
}

TYPED_TEST(GroupedMatmulTest, BackwardToTheRowsUsesTheSameWeight) {
    std::int64_t const rows = kBegin.back();
    auto const dy = Tensor<TypeParam, 2>::normal({rows, kOut}, "dy");
    auto const weight = weights<TypeParam>();
    auto const weight_views = views(weight);
    Tensor<TypeParam, 2> dx({rows, kIn});
    grouped_matmul_nn<TypeParam>(dy.in(), kBegin, weight_views, dx.view(), {});
    for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t k = 0; k < kIn; ++k) {
            double sum = 0.0;
            double magnitude = 0.0;
            for (std::int64_t m = 0; m < kOut; ++m) {
                double const term = weight[group_of(r)][m * kIn + k] * dy[r * kOut + m];
                sum += term;
                magnitude += std::abs(term);
            }
            ASSERT_NEAR(dx[r * kIn + k], sum, bound<TypeParam>(kOut, magnitude, sum)) << r;
        }
    }
}

/// Sums begin at 0.5, which counts in every other group only: empty ones are replaced.
TYPED_TEST(GroupedMatmulTest, WeightGradientIsAddedAndFrozenGroupsAreLeftOut) {
    std::int64_t const rows = kBegin.back();
    std::size_t const frozen = 5;
    auto const dy = Tensor<TypeParam, 2>::normal({rows, kOut}, "dy");
    auto const x = Tensor<TypeParam, 2>::normal({rows, kIn}, "x");
    std::vector<Tensor<float, 2>> dweight;
    std::vector<GradientSum> dweight_sums;
    auto const is_empty = std::make_unique<bool[]>(kBegin.size());
    for (std::size_t g = 0; g + 1 < kBegin.size(); ++g) {
        dweight.push_back(Tensor<float, 2>({kOut, kIn}, 0.5));
    }
    for (std::size_t g = 0; g < dweight.size(); ++g) {
        is_empty[g] = g % 2 == 0;
        dweight_sums.emplace_back(dweight[g].view(), &is_empty[g]);
    }
    dweight_sums[frozen] = {};
    grouped_matmul_tn<TypeParam>(dy.in(), x.in(), kBegin, dweight_sums, {});
    for (std::size_t g = 0; g + 1 < kBegin.size(); ++g) {
        for (std::int64_t i = 0; i < kOut * kIn; ++i) {
            double sum = g % 2 == 0 ? 0.0 : 0.5;
            double magnitude = sum;
            for (std::int64_t r = kBegin[g]; g != frozen && r < kBegin[g + 1]; ++r) {
                double const term = dy[r * kOut + i / kIn] * x[r * kIn + i % kIn];
                sum += term;
                magnitude += std::abs(term);
            }
            // Two products a group, so two more roundings than terms.
            ASSERT_NEAR(
                dweight[g][i], sum, bound<float>(kBegin[g + 1] - kBegin[g] + 2, magnitude, sum)
            ) << "group "
              << g;
        }
        EXPECT_FALSE(is_empty[g]) << "group " << g;
    }
}

TYPED_TEST(GroupedMatmulTest, NoGroupsAndNoRowsDoNothing) {
    std::vector<std::int64_t> const begin{0};
    Tensor<TypeParam, 2> const x({0, kIn});
    Tensor<TypeParam, 2> y({0, kOut});
    grouped_matmul_nt<TypeParam>(x.in(), begin, {}, y.view(), {});
    grouped_matmul_nn<TypeParam>(y.in(), begin, {}, Tensor<TypeParam, 2>({0, kIn}).view(), {});
    grouped_matmul_tn<TypeParam>(y.in(), x.in(), begin, {}, {});
    EXPECT_EQ(y.size(), 0);
}

TEST(GroupedMatmulCheckTest, BordersThatDoNotCoverTheRowsAreRefused) {
    std::vector<std::int64_t> const begin{0, 3};
    Tensor<float, 2> const x({4, 2}, 1.0);
    Tensor<float, 2> const weight({5, 2}, 1.0);
    std::vector<View<float const, 2>> const views_of{weight.in()};
    Tensor<float, 2> y({4, 5});
    test::expect_error(Exit::internal, "must rise from 0 to 4; they go from 0 to 3", [&] {
        grouped_matmul_nt<float>(x.in(), begin, views_of, y.view(), {});
    });
}

}  // namespace
}  // namespace isogloss

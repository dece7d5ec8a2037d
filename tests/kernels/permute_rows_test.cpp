// kernels/permute_rows_test.cpp
#include "kernels/permute_rows.h"

#include "base/math.h"
#include "support/expect_error.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;

template <class T>
class PermuteRowsTest : public ::testing::Test {};
TYPED_TEST_SUITE(PermuteRowsTest, test::FloatTypes);

constexpr std::int64_t kPermutedRows = 31;
constexpr std::int64_t kPermutedWidth = 45;

TYPED_TEST(PermuteRowsTest, GatherCopiesTheIndexedRows) {
    auto const x = Tensor<TypeParam, 2>::normal({kPermutedRows, kPermutedWidth}, "x");
    for (std::int64_t const size : {0, 1, 1000}) {
        auto const index = Tensor<std::int32_t, 1>::below({size}, "index", kPermutedRows);
        Tensor<TypeParam, 2> y({size, kPermutedWidth});
        gather_rows<TypeParam>(x.in(), index.in(), y.view(), {});
        for (std::int64_t i = 0; i < y.size(); ++i) {
            ASSERT_EQ(y[i], x[index.raw(i / kPermutedWidth) * kPermutedWidth + i % kPermutedWidth])
                << i;
        }
    }
}

TYPED_TEST(PermuteRowsTest, ScaledGatherMultipliesEachRow) {
    auto const x = Tensor<TypeParam, 2>::normal({kPermutedRows, kPermutedWidth}, "x");
    auto const index = Tensor<std::int32_t, 1>::below({400}, "index", kPermutedRows);
    auto const weight = Tensor<float, 1>::normal({400}, "weight");
    Tensor<TypeParam, 2> y({400, kPermutedWidth});
    gather_scaled_rows<TypeParam>(x.in(), index.in(), weight.in(), y.view(), {});
    for (std::int64_t i = 0; i < y.size(); ++i) {
        double const expected =
            weight[i / kPermutedWidth] *
            x[index.raw(i / kPermutedWidth) * kPermutedWidth + i % kPermutedWidth];
        ASSERT_NEAR(
            y[i], expected,
            (test::kFloatRounding + 1.01 * test::rounding_of<TypeParam>()) * std::abs(expected)
        );
    }
}

/// Places of the rows summed into each of 60 results: none, one or several.
struct Lists {
    Lists() : begin({61}), index({0}) {
        std::int32_t at = 0;
        for (std::int64_t n = 0; n < 60; ++n) {
            begin.raw(n) = at;
            at += static_cast<std::int32_t>(n * n % 4);
        }
        begin.raw(60) = at;
        index = Tensor<std::int32_t, 1>::below({at}, "index", kPermutedRows);
    }
    Tensor<std::int32_t, 1> begin;
    Tensor<std::int32_t, 1> index;
};

TYPED_TEST(PermuteRowsTest, SumsRunOverEachListInFloat) {
    Lists const lists;
    auto const x = Tensor<TypeParam, 2>::normal({kPermutedRows, kPermutedWidth}, "x");
    auto const weight = Tensor<float, 1>::normal(lists.index.in().shape, "weight");
    for (bool const weighted : {true, false}) {
        Tensor<TypeParam, 2> y({60, kPermutedWidth});
        for (auto const& [first, last] : {Range{17, 60}, {0, 17}, {60, 60}}) {
            sum_rows<TypeParam>(
                x.in(), lists.begin.in().rows(first, last + 1), lists.index.in(),
                weighted ? weight.in() : View<float const, 1>{}, y.view().rows(first, last), {}
            );
        }
        for (std::int64_t i = 0; i < y.size(); ++i) {
            double sum = 0.0;
            double magnitude = 0.0;
            std::int64_t const n = i / kPermutedWidth;
            for (std::int64_t m = lists.begin.raw(n); m < lists.begin.raw(n + 1); ++m) {
                double const term = (weighted ? weight[m] : 1.0) *
                                    x[lists.index.raw(m) * kPermutedWidth + i % kPermutedWidth];
                sum += term;
                magnitude += std::abs(term);
            }
            // At most 3 terms, each with a product and a sum in float; one rounding to T.
            ASSERT_NEAR(
                y[i], sum,
                6.0 * test::kFloatRounding * magnitude +
                    1.01 * test::rounding_of<TypeParam>() * std::abs(sum)
            ) << i;
        }
    }
}

TYPED_TEST(PermuteRowsTest, DotsPairARowWithAnIndexedRow) {
    auto const a = Tensor<TypeParam, 2>::normal({kPermutedRows, kPermutedWidth}, "a");
    auto const b = Tensor<TypeParam, 2>::normal({500, kPermutedWidth}, "b");
    auto const index = Tensor<std::int32_t, 1>::below({500}, "index", kPermutedRows);
    Tensor<float, 1> dot({500});
    row_dots<TypeParam>(a.in(), index.in(), b.in(), dot.view(), {});
    for (std::int64_t m = 0; m < 500; ++m) {
        double sum = 0.0;
        double magnitude = 0.0;
        for (std::int64_t d = 0; d < kPermutedWidth; ++d) {
            double const term = a[index.raw(m) * kPermutedWidth + d] * b[m * kPermutedWidth + d];
            sum += term;
            magnitude += std::abs(term);
        }
        ASSERT_NEAR(
            dot[m], sum, static_cast<double>(kPermutedWidth) * test::kFloatRounding * magnitude
        );
    }
}

TYPED_TEST(PermuteRowsTest, TheSameBitsForAnyNumberOfThreads) {
    auto const a = Tensor<TypeParam, 2>::normal({kPermutedRows, kPermutedWidth}, "a");
    auto const b = Tensor<TypeParam, 2>::normal({3000, kPermutedWidth}, "b");
    auto const index = Tensor<std::int32_t, 1>::below({3000}, "index", kPermutedRows);
    auto const run = [&] {
        Tensor<float, 1> dot({3000});
        row_dots<TypeParam>(a.in(), index.in(), b.in(), dot.view(), {});
        return dot;
    };
    auto const first = run();
    test::for_thread_counts([&](int threads) { EXPECT_TRUE(run().same_bits(first)) << threads; });
}

TEST(PermuteRowsCheckTest, IndicesOutsideAreRefused) {
    ISOGLOSS_CPU_ONLY();
    Tensor<float, 2> const x({3, 2}, 1.0);
    Tensor<float, 2> y({1, 2});
    for (double const bad : {3.0, -1.0}) {
        Tensor<std::int32_t, 1> const index({1}, bad);
        test::expect_error(Exit::internal, "there are 3 rows", [&] {
            gather_rows<float>(x.in(), index.in(), y.view(), {});
        });
    }
}

TEST(PermuteRowsCheckTest, ListsOutsideOfTheIndicesAreRefused) {
    ISOGLOSS_CPU_ONLY();
    Tensor<float, 2> const x({3, 2}, 1.0);
    Tensor<float, 2> y({1, 2});
    Tensor<std::int32_t, 1> const index({2}, 0.0);
    Tensor<std::int32_t, 1> begin({2}, 0.0);
    begin.raw(1) = 3;
    test::expect_error(Exit::internal, "begin must rise within 0 and 2", [&] {
        sum_rows<float>(x.in(), begin.in(), index.in(), {}, y.view(), {});
    });
}

}  // namespace
}  // namespace isogloss

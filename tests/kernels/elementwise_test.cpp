// kernels/elementwise_test.cpp
#include "kernels/elementwise.h"

#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;

template <class T>
class ElementwiseTest : public ::testing::Test {};
TYPED_TEST_SUITE(ElementwiseTest, test::FloatTypes);

constexpr std::int64_t kElementCounts[] = {0, 1, 63, 64, 65, 1000, 100'003};

TYPED_TEST(ElementwiseTest, CastRoundsToNearestEven) {
    for (std::int64_t const size : kElementCounts) {
        auto const x = Tensor<float, 1>::normal({size}, "x");
        Tensor<TypeParam, 1> y({size});
        cast<float, TypeParam>(x.in(), y.view(), {});
        for (std::int64_t i = 0; i < size; ++i) {
            ASSERT_EQ(y.raw(i), from_float<TypeParam>(x.raw(i))) << i;
        }
    }
}

TEST(CastTest, TiesGoToTheEvenNeighbour) {
    // 1 + 2^-8 lies between 1 and 1 + 2^-7; 1 + 3 2^-8 between 1 + 2^-7 and 1 + 2^-6.
    Tensor<float, 1> x({3}, 1.0 + 0x1p-8);
    x.raw(1) = 1.0F + 3 * 0x1p-8F;
    x.raw(2) = std::numeric_limits<float>::quiet_NaN();
    Tensor<bf16, 1> y({3}, 0.0);
    cast<float, bf16>(x.in(), y.view(), {});
    EXPECT_EQ(y[0], 1.0);
    EXPECT_EQ(y[1], 1.0 + 0x1p-6);
    EXPECT_TRUE(std::isnan(y[2]));
}

TEST(CastTest, WideningIsExact) {
    auto const x = Tensor<bf16, 1>::normal({777}, "x");
    Tensor<float, 1> y({777});
    cast<bf16, float>(x.in(), y.view(), {});
    EXPECT_EQ(y.doubles(), x.doubles());
}

TYPED_TEST(ElementwiseTest, AddSumsAndRoundsOnce) {
    for (std::int64_t const size : kElementCounts) {
        auto const x = Tensor<TypeParam, 1>::normal({size}, "x");
        auto y = Tensor<TypeParam, 1>::normal({size}, "y");
        auto expected = y.doubles();
        for (std::int64_t i = 0; i < size; ++i) {
            expected[static_cast<std::size_t>(i)] += x[i];
        }
        add<TypeParam>(x.in(), y.view(), {});
        test::expect_near(y, expected, [&](std::size_t i) {
            return 1.01 * test::rounding_of<TypeParam>() * std::abs(expected[i]);
        });
    }
}

TEST(AddTest, AFloatIsAddedToBf16WithOneRounding) {
    // 1 + 2^-8 + 2^-18 lies above the middle of 1 and its successor 1 + 2^-7. Rounded by itself
    // first, the term would be 2^-8 and the sum the middle, which goes to the even 1.
    Tensor<float, 1> const x({3}, 0x1p-8 + 0x1p-18);
    Tensor<bf16, 1> y({3}, 1.0);
    add<float, bf16>(x.in(), y.view(), {});
    EXPECT_EQ(y.doubles(), std::vector<double>(3, 1.0 + 0x1p-7));
}

TYPED_TEST(ElementwiseTest, FillWritesAll) {
    for (std::int64_t const size : kElementCounts) {
        Tensor<TypeParam, 1> x({size});
        fill<TypeParam>(x.view(), 1.5F, {});
        EXPECT_TRUE(x.same_bits(Tensor<TypeParam, 1>({size}, 1.5)));
    }
}

TYPED_TEST(ElementwiseTest, ScaleMultipliesAll) {
    auto x = Tensor<TypeParam, 1>::normal({40'001}, "x");
    auto const before = x.doubles();
    scale(x.view(), -0.25F, {});
    for (std::int64_t i = 0; i < x.size(); ++i) {
        ASSERT_EQ(x[i], -0.25 * before[static_cast<std::size_t>(i)]);
    }
}

TYPED_TEST(ElementwiseTest, BiasIsAddedToEachRow) {
    auto x = Tensor<TypeParam, 2>::normal({37, 13}, "x");
    auto const bias = Tensor<TypeParam, 1>::normal({13}, "bias");
    auto expected = x.doubles();
    for (std::size_t i = 0; i < expected.size(); ++i) {
        expected[i] += bias[static_cast<std::int64_t>(i) % 13];
    }
    add_bias<TypeParam>(x.view(), bias.in(), {});
    test::expect_near(x, expected, [&](std::size_t i) {
        return 1.01 * test::rounding_of<TypeParam>() * std::abs(expected[i]);
    });
}

TYPED_TEST(ElementwiseTest, ColumnSumsAreAddedWithOneRoundingATerm) {
    for (std::int64_t const rows : {0, 1, 127, 128, 129, 1000}) {
        auto const dy = Tensor<TypeParam, 2>::normal({rows, 33}, "dy");
        Tensor<float, 1> dbias({33}, 0.5);
        sum_columns<TypeParam>(dy.in(), dbias.view(), {});
        for (std::int64_t d = 0; d < 33; ++d) {
            double sum = 0.5;
            double magnitude = 0.5;
            for (std::int64_t n = 0; n < rows; ++n) {
                sum += dy[n * 33 + d];
                magnitude += std::abs(dy[n * 33 + d]);
            }
            double const terms = static_cast<double>(rows) + 2.0;
            ASSERT_NEAR(dbias[d], sum, terms * test::kFloatRounding * magnitude) << d;
        }
    }
}

TYPED_TEST(ElementwiseTest, ColumnSumsHaveTheSameBitsForAnyNumberOfThreads) {
    auto const dy = Tensor<TypeParam, 2>::normal({1000, 100}, "dy");
    Tensor<float, 1> first({100}, 0.0);
    sum_columns<TypeParam>(dy.in(), first.view(), {});
    test::for_thread_counts([&](int threads) {
        Tensor<float, 1> again({100}, 0.0);
        sum_columns<TypeParam>(dy.in(), again.view(), {});
        EXPECT_TRUE(first.same_bits(again)) << threads;
    });
}

TEST(SumOfSquaresTest, IsTheSumInDouble) {
    for (std::int64_t const size : kElementCounts) {
        auto const x = Tensor<float, 1>::normal({size}, "x");
        double expected = 0.0;
        for (double const value : x.doubles()) {
            expected += value * value;
        }
        // All terms are positive, so the relative error is at most one double rounding a term.
        double const bound = 2.0 * 0x1p-53 * static_cast<double>(size) * expected;
        double const sum = sum_of_squares(x.in(), {});
        EXPECT_NEAR(sum, expected, bound);
        test::for_thread_counts([&](int threads) {
            EXPECT_EQ(sum_of_squares(x.in(), {}), sum) << threads;
        });
        // The sum that stays where x is: put there, then added.
        Tensor<double, 1> kept({1}, -1.0);
        sum_of_squares(x.in(), Write::replace, kept.view(), {});
        EXPECT_EQ(kept[0], sum);
        sum_of_squares(x.in(), Write::add, kept.view(), {});
        EXPECT_EQ(kept[0], sum + sum);
    }
}

}  // namespace
}  // namespace isogloss

// kernels/matmul_test.cpp
#include "kernels/matmul.h"

#include "support/expect_error.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;

template <class A, class B>
struct Types {
    using In = A;
    using Out = B;
};

template <class Pair>
class MatmulTest : public ::testing::Test {};
using Pairs = ::testing::Types<Types<float, float>, Types<bf16, bf16>, Types<bf16, float>>;
TYPED_TEST_SUITE(MatmulTest, Pairs);

struct ProductSizes {
    std::int64_t n, k, m;
};
constexpr ProductSizes kProducts[] = {{1, 1, 1},    {3, 5, 7},     {64, 64, 64}, {65, 33, 17},
                                      {1, 129, 31}, {130, 1, 3},   {0, 4, 5},    {4, 0, 5},
                                      {4, 5, 0},    {257, 96, 40}, {8, 300, 1},  {100, 200, 2}};

enum class Form { nt, nn, tn };

/// c (+)= a b with a [N, K] and b [K, M] laid out as the form wants, against sums in double.
///
/// Bound: K roundings of float sums, relative to the sum of magnitudes, one rounding of the result
/// and, where something is added to, one more float rounding.
template <class In, class Out>
void check(Form form, ProductSizes s, Write write) {
    bool const a_turned = form == Form::tn;
    bool const b_turned = form == Form::nt;
    auto const a =
        Tensor<In, 2>::normal(a_turned ? std::array{s.k, s.n} : std::array{s.n, s.k}, "a");
    auto const b =
        Tensor<In, 2>::normal(b_turned ? std::array{s.m, s.k} : std::array{s.k, s.m}, "b");
    auto c =
        write == Write::add ? Tensor<Out, 2>::normal({s.n, s.m}, "c") : Tensor<Out, 2>({s.n, s.m});
    std::vector<double> expected(static_cast<std::size_t>(s.n * s.m), 0.0);
    std::vector<double> magnitude(expected.size(), 0.0);
    for (std::int64_t n = 0; n < s.n; ++n) {
        for (std::int64_t m = 0; m < s.m; ++m) {
            auto const i = static_cast<std::size_t>(n * s.m + m);
            expected[i] = write == Write::add ? c[n * s.m + m] : 0.0;
            magnitude[i] = std::abs(expected[i]);
            for (std::int64_t k = 0; k < s.k; ++k) {
                double const term = a[a_turned ? k * s.n + n : n * s.k + k] *
                                    b[b_turned ? m * s.k + k : k * s.m + m];
                expected[i] += term;
                magnitude[i] += std::abs(term);
            }
        }
    }
    switch (form) {
        case Form::nt: matmul_nt<In, Out>(a.in(), b.in(), c.view(), write, {}); break;
        case Form::nn: matmul_nn<In, Out>(a.in(), b.in(), c.view(), write, {}); break;
        case Form::tn: matmul_tn<In, Out>(a.in(), b.in(), c.view(), write, {}); break;
    }
    test::expect_near(c, expected, [&](std::size_t i) {
        return static_cast<double>(s.k + 1) * test::kFloatRounding * magnitude[i] +
               1.01 * test::rounding_of<Out>() * std::abs(expected[i]);
    });
}

template <class Pair>
void check_all(Form form) {
    for (ProductSizes const s : kProducts) {
        for (Write const write : {Write::replace, Write::add}) {
            SCOPED_TRACE(
                std::to_string(s.n) + " x " + std::to_string(s.k) + " x " + std::to_string(s.m) +
                (write == Write::add ? ", added" : "")
            );
            check<typename Pair::In, typename Pair::Out>(form, s, write);
        }
    }
}

TYPED_TEST(MatmulTest, MultipliesByTheTransposed) {
    check_all<TypeParam>(Form::nt);
}
TYPED_TEST(MatmulTest, MultipliesPlain) {
    check_all<TypeParam>(Form::nn);
}
TYPED_TEST(MatmulTest, MultipliesTheTransposed) {
    check_all<TypeParam>(Form::tn);
}

TYPED_TEST(MatmulTest, GivesTheSameBitsEachTime) {
    using In = typename TypeParam::In;
    using Out = typename TypeParam::Out;
    auto const a = Tensor<In, 2>::normal({300, 70}, "a");
    auto const b = Tensor<In, 2>::normal({300, 90}, "b");
    Tensor<Out, 2> first({70, 90});
    matmul_tn<In, Out>(a.in(), b.in(), first.view(), Write::replace, {});
    for (int i = 0; i < 5; ++i) {
        Tensor<Out, 2> again({70, 90});
        matmul_tn<In, Out>(a.in(), b.in(), again.view(), Write::replace, {});
        EXPECT_TRUE(first.same_bits(again));
    }
}

TEST(MatmulShapeTest, DisagreementNamesTheShapes) {
    Tensor<float, 2> const a({2, 3}, 0.0);
    Tensor<float, 2> const b({4, 5}, 0.0);
    Tensor<float, 2> c({2, 4});
    test::expect_error(Exit::internal, "matmul_nt: b is [4, 5]; it must be [4, 3]", [&] {
        matmul_nt<float, float>(a.in(), b.in(), c.view(), Write::replace, {});
    });
}

}  // namespace
}  // namespace isogloss

// kernels/attention_test.cpp
#include "kernels/attention.h"

#include <algorithm>

#include "support/expect_error.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;
using Doubles = std::vector<double>;

template <class T>
class AttentionTest : public ::testing::Test {};
TYPED_TEST_SUITE(AttentionTest, test::FloatTypes);

struct Case {
    AttentionShape shape;
    std::vector<std::int32_t> document_start;  ///< [N]
};

/// Rows cut into documents whose borders lie anywhere: inside a block, on its border, one token
/// long; the last row is one document.
Case make_case(AttentionShape const& shape) {
    Case made{shape, {}};
    for (std::int64_t b = 0; b < shape.rows; ++b) {
        std::int64_t start = 0;
        for (std::int64_t t = 0; t < shape.row_length; ++t) {
            bool const border = b + 1 < shape.rows && (t == 1 || t == 64 || t % 41 == 30);
            start = border ? t : start;
            made.document_start.push_back(static_cast<std::int32_t>(start));
        }
    }
    return made;
}

/// What the formula gives in double, and how large the terms were.
struct Reference {
    Doubles out, log_sum;
    Doubles probs;  ///< [N, H, T]
};

std::size_t at(std::int64_t i) {
    return static_cast<std::size_t>(i);
}

Reference reference(Case const& c, Doubles const& qkv) {
    auto const [rows, length, heads, kv_heads, width] = c.shape;
    std::int64_t const stride = (heads + 2 * kv_heads) * width;
    Reference made{
        Doubles(at(rows * length * heads * width)), Doubles(at(rows * length * heads)),
        Doubles(at(rows * length * heads * length))};
    for (std::int64_t i = 0; i < rows * length * heads; ++i) {
        std::int64_t const n = i / heads;
        std::int64_t const h = i % heads;
        std::int64_t const row = n / length * length;
        std::int64_t const key = (heads + h / (heads / kv_heads)) * width;
        double total = 0.0;
        for (std::int64_t j = row + c.document_start[at(n)]; j <= n; ++j) {
            double score = 0.0;
            for (std::int64_t w = 0; w < width; ++w) {
                score += qkv[at(n * stride + h * width + w)] * qkv[at(j * stride + key + w)];
            }
            made.probs[at(i * length + j - row)] = std::exp(score / std::sqrt(width));
            total += made.probs[at(i * length + j - row)];
        }
        made.log_sum[at(i)] = std::log(total);
        for (std::int64_t j = 0; j < length; ++j) {
            made.probs[at(i * length + j)] /= total;
            for (std::int64_t w = 0; w < width; ++w) {
                made.out[at(i * width + w)] +=
                    made.probs[at(i * length + j)] *
                    qkv[at((row + j) * stride + key + kv_heads * width + w)];
            }
        }
    }
    return made;
}

/// d (sum of out * dout) / d qkv by the formulas of the softmax's derivative.
Doubles reference_gradient(Case const& c, Doubles const& qkv, Doubles const& dout) {
    auto const [rows, length, heads, kv_heads, width] = c.shape;
    std::int64_t const stride = (heads + 2 * kv_heads) * width;
    Reference const forward = reference(c, qkv);
    Doubles gradient(qkv.size(), 0.0);
    for (std::int64_t i = 0; i < rows * length * heads; ++i) {
        std::int64_t const n = i / heads;
        std::int64_t const query = n * stride + i % heads * width;
        std::int64_t const row = n / length * length;
        double delta = 0.0;
        for (std::int64_t w = 0; w < width; ++w) {
            delta += dout[at(i * width + w)] * forward.out[at(i * width + w)];
        }
        for (std::int64_t j = 0; j < length; ++j) {
            std::int64_t const key =
                (row + j) * stride + (heads + i % heads / (heads / kv_heads)) * width;
            std::int64_t const value = key + kv_heads * width;
            double const prob = forward.probs[at(i * length + j)];
            double dprob = 0.0;
            for (std::int64_t w = 0; w < width; ++w) {
                dprob += dout[at(i * width + w)] * qkv[at(value + w)];
                gradient[at(value + w)] += prob * dout[at(i * width + w)];
            }
            double const dscore = prob * (dprob - delta) / std::sqrt(width);
            for (std::int64_t w = 0; w < width; ++w) {
                gradient[at(query + w)] += dscore * qkv[at(key + w)];
                gradient[at(key + w)] += dscore * qkv[at(query + w)];
            }
        }
    }
    return gradient;
}

std::vector<AttentionShape> shapes() {
    return {{2, 130, 4, 2, 8}, {1, 64, 1, 1, 16}, {3, 200, 2, 2, 4}, {2, 1, 2, 1, 8},
            {2, 63, 3, 1, 2},  {0, 64, 2, 1, 8},  {2, 0, 2, 1, 8}};
}

template <class T>
struct Run {
    Run(Case const& c, Tensor<T, 2> const& qkv)
        : out({qkv.in().shape[0], c.shape.heads * c.shape.head_width}),
          log_sum({qkv.in().shape[0], c.shape.heads}) {
        View<std::int32_t const, 1> const start{
            c.document_start.data(), {qkv.in().shape[0]}, Device::cpu};
        attention<T>(qkv.in(), start, c.shape, out.view(), log_sum.view(), {});
    }

    Tensor<T, 2> out;
    Tensor<float, 2> log_sum;
};

template <class T>
Tensor<T, 2> inputs(AttentionShape const& s) {
    return Tensor<T, 2>::normal(
        {s.rows * s.row_length, (s.heads + 2 * s.kv_heads) * s.head_width}, "qkv"
    );
}

/// Errors of T's roundings. Scores are sums of W products of normal numbers, so |score| < 40 and
/// the float error of the exponent is below 40 (W + 4) 2^-24, which is the relative error of a
/// probability. A probability is rounded to T once and sums to 1, so the output has a relative
/// error of rounding_of<T> twice (probability, result), on values below 5.
template <class T>
double output_bound(AttentionShape const& s) {
    auto const terms = static_cast<double>(s.head_width + s.row_length + 4);
    return 5.0 * (2.0 * test::rounding_of<T>() + 40.0 * terms * test::kFloatRounding);
}

TYPED_TEST(AttentionTest, IsTheSoftmaxOverTheDocumentSoFar) {
    for (AttentionShape const& shape : shapes()) {
        Case const c = make_case(shape);
        auto const qkv = inputs<TypeParam>(shape);
        Run<TypeParam> const run(c, qkv);
        Reference const expected = reference(c, qkv.doubles());
        test::expect_near(run.out, expected.out, [&](std::size_t) {
            return output_bound<TypeParam>(shape);
        });
        test::expect_near(run.log_sum, expected.log_sum, [&](std::size_t) {
            return output_bound<float>(shape);
        });
    }
}

TEST(AttentionReferenceTest, GradientAgreesWithCentralDifferences) {
    AttentionShape const shape{2, 7, 4, 2, 3};
    Case c = make_case(shape);
    c.document_start = {0, 0, 0, 3, 3, 3, 6, 0, 0, 0, 0, 0, 0, 0};
    auto const qkv = inputs<float>(shape).doubles();
    auto const dout = Tensor<float, 2>::normal({14, 12}, "dout").doubles();
    auto const loss = [&](Doubles const& x) {
        Doubles const out = reference(c, x).out;
        double sum = 0.0;
        for (std::size_t i = 0; i < out.size(); ++i) {
            sum += out[i] * dout[i];
        }
        return sum;
    };
    Doubles const slope = test::central_differences(loss, qkv);
    Doubles const gradient = reference_gradient(c, qkv, dout);
    for (std::size_t i = 0; i < slope.size(); ++i) {
        EXPECT_NEAR(gradient[i], slope[i], 1e-6) << i;
    }
}

TYPED_TEST(AttentionTest, BackwardIsTheGradient) {
    for (AttentionShape const& shape : shapes()) {
        Case const c = make_case(shape);
        auto const qkv = inputs<TypeParam>(shape);
        Run<TypeParam> const run(c, qkv);
        auto const dout = Tensor<TypeParam, 2>::normal(run.out.in().shape, "dout");
        Tensor<TypeParam, 2> dqkv(qkv.in().shape);
        View<std::int32_t const, 1> const start{
            c.document_start.data(), {qkv.in().shape[0]}, Device::cpu};
        attention_backward<TypeParam>(
            qkv.in(), start, shape, run.out.in(), run.log_sum.in(), dout.in(), dqkv.view(), {}
        );
        Doubles const expected = reference_gradient(c, qkv.doubles(), dout.doubles());
        // Each key gathers from the queries after it, weighted by probabilities whose sum may pass
        // 1; |dprob - delta| < 10 sqrt(W). Each factor carries T's rounding; the result once more.
        double const spread = 10.0 * std::sqrt(static_cast<double>(shape.head_width));
        double const heads = static_cast<double>(shape.heads / shape.kv_heads);
        test::expect_near(dqkv, expected, [&](std::size_t i) {
            return heads * spread * output_bound<TypeParam>(shape) / 5.0 +
                   3.0 * test::rounding_of<TypeParam>() * std::abs(expected[i]);
        });
    }
}

TYPED_TEST(AttentionTest, TheSameBitsForAnyNumberOfThreads) {
    Case const c = make_case({3, 150, 4, 2, 16});
    auto const qkv = inputs<TypeParam>(c.shape);
    Run<TypeParam> const first(c, qkv);
    View<std::int32_t const, 1> const start{
        c.document_start.data(), {qkv.in().shape[0]}, Device::cpu};
    auto const backward = [&] {
        Tensor<TypeParam, 2> dqkv(qkv.in().shape);
        attention_backward<TypeParam>(
            qkv.in(), start, c.shape, first.out.in(), first.log_sum.in(), first.out.in(),
            dqkv.view(), {}
        );
        return dqkv;
    };
    auto const dqkv = backward();
    test::for_thread_counts([&](int threads) {
        Run<TypeParam> const again(c, qkv);
        EXPECT_TRUE(again.out.same_bits(first.out)) << threads;
        EXPECT_TRUE(again.log_sum.same_bits(first.log_sum)) << threads;
        EXPECT_TRUE(backward().same_bits(dqkv)) << threads;
    });
}

TYPED_TEST(AttentionTest, ADocumentDoesNotDependOnItsNeighbours) {
    Case const c = make_case({2, 130, 2, 1, 8});
    auto qkv = inputs<TypeParam>(c.shape);
    Run<TypeParam> const before(c, qkv);
    // Token 30 begins a document of row 0: change all before it, and all of row 1.
    std::int64_t const stride = qkv.in().shape[1];
    for (std::int64_t i = 0; i < qkv.size(); ++i) {
        if (i < 30 * stride || i >= 130 * stride) {
            qkv.raw(i) = from_float<TypeParam>(3.0F);
        }
    }
    Run<TypeParam> const after(c, qkv);
    for (std::int64_t i = 30 * 16; i < 130 * 16; ++i) {
        ASSERT_EQ(before.out[i], after.out[i]) << i;
    }
}

TEST(AttentionCheckTest, HeadsThatDoNotDivideAreRefused) {
    AttentionShape const shape{1, 4, 3, 2, 2};
    Tensor<float, 2> qkv({4, 14}, 0.0);
    Tensor<float, 2> out({4, 6});
    Tensor<float, 2> log_sum({4, 3});
    Tensor<std::int32_t, 1> const start({4}, 0.0);
    test::expect_error(Exit::internal, "3 heads, 2 key and value heads", [&] {
        attention<float>(qkv.in(), start.in(), shape, out.view(), log_sum.view(), {});
    });
}

}  // namespace
}  // namespace isogloss

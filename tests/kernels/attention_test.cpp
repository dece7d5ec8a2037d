// kernels/attention_test.cpp
#include "kernels/attention.h"

#include <algorithm>
#include <array>

#include "kernels/alibi.h"
#include "support/expect_error.h"
#include "support/tensor.h"

namespace isogloss {
namespace {

using test::Tensor;
using Doubles = std::vector<double>;

template <class T>
class AttentionTest : public ::testing::Test {};
TYPED_TEST_SUITE(AttentionTest, test::FloatTypes);

struct AttentionCase {
    AttentionShape shape;
    std::vector<std::int32_t> document_start;  ///< [N]
    std::vector<float> slope = {};             ///< [H] or none

    [[nodiscard]] double slope_of(std::int64_t head) const {
        return slope.empty() ? 0.0 : static_cast<double>(slope[static_cast<std::size_t>(head)]);
    }
    /// The shape with its slopes, as the operations take it.
    [[nodiscard]] AttentionShape full_shape() const {
        auto full = shape;
        if (!slope.empty()) {
            full.slope = {slope.data(), {shape.heads}, Device::cpu};
        }
        return full;
    }
};

/// Rows cut into documents whose borders lie anywhere: inside a block, on its border, one token
/// long; the last row is one document.
AttentionCase make_case(AttentionShape const& shape) {
    AttentionCase made{shape, {}};
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

Tensor<std::int32_t, 1> starts(AttentionCase const& c) {
    return Tensor<std::int32_t, 1>::of(
        {static_cast<std::int64_t>(c.document_start.size())}, c.document_start
    );
}

/// What the formula gives in double, and how large the terms were.
struct Reference {
    Doubles out, log_sum;
    Doubles probs;  ///< [N, H, T]
};

std::size_t at(std::int64_t i) {
    return static_cast<std::size_t>(i);
}

Reference attention_of(AttentionCase const& c, Doubles const& qkv) {
    auto const [rows, length, heads, kv_heads, width, slopes] = c.shape;
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
            double const lost = c.slope_of(h) * static_cast<double>(n - j);
            made.probs[at(i * length + j - row)] = std::exp(score / std::sqrt(width) - lost);
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

/// A gradient by the formulas, and what roundings may do to it: each step of the computation adds
/// what its rounding can at most be, `bound`, and its mean square, `variance` (a third of the
/// square of the most, as for all numbers evenly between plus and minus the most).
struct Gradient {
    Doubles value, bound, variance;
};

/// d (sum of out * dout) / d qkv by the formulas of the softmax's derivative.
class GradientReference {
public:
    /// @param unit  the largest relative rounding of stored numbers: out, probabilities, the
    ///              gradients of scores, the result. Sums are in float, whatever is stored.
    GradientReference(AttentionCase const& c, Doubles const& qkv, Doubles const& dout, double unit)
        : c_(c),
          qkv_(qkv),
          dout_(dout),
          unit_(unit),
          stride_((c.shape.heads + 2 * c.shape.kv_heads) * c.shape.head_width),
          forward_(attention_of(c, qkv)),
          made_{Doubles(qkv.size()), Doubles(qkv.size()), Doubles(qkv.size())} {
        auto const terms = static_cast<double>(
            c.shape.head_width + c.shape.row_length * c.shape.heads / c.shape.kv_heads + 4
        );
        // Of a probability: see output_bound(); of a sum: its terms.
        float_share_ =
            (40.0 * static_cast<double>(c.shape.head_width + 4) + terms) * test::kFloatRounding;
    }

    Gradient run() {
        auto const queries = c_.shape.rows * c_.shape.row_length * c_.shape.heads;
        for (std::int64_t i = 0; i < queries; ++i) {
            add_query(i);
        }
        for (std::size_t k = 0; k < qkv_.size(); ++k) {
            double const last = unit_ * std::abs(made_.value[k]);
            made_.bound[k] += last;
            made_.variance[k] += last * last / 3.0;
        }
        return made_;
    }

private:
    /// delta = sum_w dout out, where out is stored.
    struct Delta {
        double value = 0.0, bound = 0.0, variance = 0.0;
    };

    [[nodiscard]] std::int64_t first_of(std::int64_t i) const {
        return i / c_.shape.heads / c_.shape.row_length * c_.shape.row_length;
    }
    [[nodiscard]] std::int64_t key_of(std::int64_t i, std::int64_t j) const {
        auto const group = c_.shape.heads / c_.shape.kv_heads;
        return (first_of(i) + j) * stride_ +
               (c_.shape.heads + i % c_.shape.heads / group) * c_.shape.head_width;
    }
    [[nodiscard]] std::int64_t value_of(std::int64_t i, std::int64_t j) const {
        return key_of(i, j) + c_.shape.kv_heads * c_.shape.head_width;
    }

    [[nodiscard]] Delta delta_of(std::int64_t i) const {
        auto const [rows, length, heads, kv_heads, width, slopes] = c_.shape;
        Delta delta;
        for (std::int64_t w = 0; w < width; ++w) {
            double const out = forward_.out[at(i * width + w)];
            double const slope = dout_[at(i * width + w)];
            double sizes = std::abs(out);  // out is rounded, and the probabilities in it
            double squares = out * out;
            for (std::int64_t j = 0; j < length; ++j) {
                double const term =
                    forward_.probs[at(i * length + j)] * qkv_[at(value_of(i, j) + w)];
                sizes += std::abs(term);
                squares += term * term;
            }
            delta.value += slope * out;
            delta.bound += std::abs(slope) * sizes * (unit_ + float_share_);
            delta.variance += slope * slope * squares * unit_ * unit_ / 3.0;
        }
        return delta;
    }

    void add(std::int64_t k, double term, double most, double variance) {
        made_.value[at(k)] += term;
        made_.bound[at(k)] += most;
        made_.variance[at(k)] += variance;
    }

    void add_query(std::int64_t i) {
        auto const [rows, length, heads, kv_heads, width, slopes] = c_.shape;
        std::int64_t const query = i / heads * stride_ + i % heads * width;
        Delta const delta = delta_of(i);
        Doubles mean_key(at(width), 0.0);
        for (std::int64_t j = 0; j < length; ++j) {
            if (forward_.probs[at(i * length + j)] != 0.0) {
                add_pair(i, j, query, delta);
            }
            for (std::int64_t w = 0; w < width; ++w) {
                mean_key[at(w)] += forward_.probs[at(i * length + j)] * qkv_[at(key_of(i, j) + w)];
            }
        }
        // One delta serves all keys, so its error reaches the query by their mean.
        for (std::int64_t w = 0; w < width; ++w) {
            double const mean = mean_key[at(w)];
            made_.variance[at(query + w)] +=
                mean * mean * delta.variance / static_cast<double>(width);
        }
    }

    void add_pair(std::int64_t i, std::int64_t j, std::int64_t query, Delta const& delta) {
        auto const [rows, length, heads, kv_heads, width, slopes] = c_.shape;
        double const scale = 1.0 / std::sqrt(static_cast<double>(width));
        double const prob = forward_.probs[at(i * length + j)];
        double const share = unit_ + float_share_;
        double dprob = 0.0;
        double sizes = 0.0;
        for (std::int64_t w = 0; w < width; ++w) {
            double const slope = dout_[at(i * width + w)];
            double const product = slope * qkv_[at(value_of(i, j) + w)];
            dprob += product;
            sizes += std::abs(product);
            double const term = prob * slope;
            double const rounded = unit_ * term;
            add(value_of(i, j) + w, term, share * std::abs(term), rounded * rounded / 3.0);
        }
        double const dscore = prob * (dprob - delta.value) * scale;
        double const most =
            share * std::abs(dscore) + prob * scale * (float_share_ * sizes + delta.bound);
        double const rounded = unit_ * unit_ * dscore * dscore / 3.0;
        double const of_delta = prob * prob * scale * scale * delta.variance;
        for (std::int64_t w = 0; w < width; ++w) {
            double const k = qkv_[at(key_of(i, j) + w)];
            double const q = qkv_[at(query + w)];
            add(query + w, dscore * k, most * std::abs(k), rounded * k * k);
            add(key_of(i, j) + w, dscore * q, most * std::abs(q), (rounded + of_delta) * q * q);
        }
    }

    AttentionCase const& c_;
    Doubles const& qkv_;
    Doubles const& dout_;
    double unit_;
    double float_share_ = 0.0;
    std::int64_t stride_;
    Reference forward_;
    Gradient made_;
};

std::vector<AttentionShape> shapes() {
    return {{2, 130, 4, 2, 8}, {1, 64, 1, 1, 16}, {3, 200, 2, 2, 4}, {2, 1, 2, 1, 8},
            {2, 63, 3, 1, 2},  {0, 64, 2, 1, 8},  {2, 0, 2, 1, 8},   {1, 257, 2, 1, 64}};
}

template <class T>
struct Run {
    Run(AttentionCase const& c, Tensor<T, 2> const& qkv)
        : out({qkv.in().shape[0], c.shape.heads * c.shape.head_width}),
          log_sum({qkv.in().shape[0], c.shape.heads}) {
        auto const start = starts(c);
        attention<T>(qkv.in(), start.in(), c.full_shape(), out.view(), log_sum.view(), {});
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
        AttentionCase const c = make_case(shape);
        auto const qkv = inputs<TypeParam>(shape);
        Run<TypeParam> const run(c, qkv);
        Reference const expected = attention_of(c, qkv.doubles());
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
    AttentionCase c = make_case(shape);
    c.document_start = {0, 0, 0, 3, 3, 3, 6, 0, 0, 0, 0, 0, 0, 0};
    c.slope = alibi_slopes(4);
    auto const qkv = inputs<float>(shape).doubles();
    auto const dout = Tensor<float, 2>::normal({14, 12}, "dout").doubles();
    auto const loss = [&](Doubles const& x) {
        Doubles const out = attention_of(c, x).out;
        double sum = 0.0;
        for (std::size_t i = 0; i < out.size(); ++i) {
            sum += out[i] * dout[i];
        }
        return sum;
    };
    Doubles const gradient = GradientReference(c, qkv, dout, 0.0).run().value;
    Doubles const slope = test::central_differences(loss, qkv, 1e-4);
    Doubles const coarse = test::central_differences(loss, qkv, 2e-4);
    for (std::size_t i = 0; i < slope.size(); ++i) {
        // A difference over steps of h is off by c h^2, so twice the step shows 3 c h^2 between the
        // two: three times the error of the finer. Cancellation: the loss, a sum of 168 products of
        // size 1 to 10, has errors of 168 * 10 * 2^-53 = 2e-13, and 2e-13 / h = 2e-9.
        EXPECT_NEAR(gradient[i], slope[i], std::abs(coarse[i] - slope[i]) + 2e-9) << i;
    }
}

/// Checks dq, dk and dv each for itself: the length of its error beside the length that roundings
/// would have, twice their deviation and what the float sums add.
void expect_lengths(
    AttentionCase const& c, Doubles const& got, Gradient const& exact, Gradient const& floats
) {
    auto const [rows, length, heads, kv_heads, width, slopes] = c.shape;
    std::array<std::int64_t, 4> const parts{
        0, heads * width, (heads + kv_heads) * width, (heads + 2 * kv_heads) * width};
    for (std::size_t part = 0; part < 3; ++part) {
        double error = 0.0;
        double variance = 0.0;
        double of_floats = 0.0;
        for (std::int64_t i = 0; i < static_cast<std::int64_t>(got.size()); ++i) {
            auto const column = i % parts[3];
            if (column >= parts[part] && column < parts[part + 1]) {
                error += std::pow(got[at(i)] - exact.value[at(i)], 2);
                variance += exact.variance[at(i)];
                of_floats += std::pow(floats.bound[at(i)], 2);
            }
        }
        EXPECT_LE(std::sqrt(error), 2.0 * std::sqrt(variance) + std::sqrt(of_floats))
            << "qkv"[part] << " of " << length << " tokens";
    }
}

TYPED_TEST(AttentionTest, BackwardIsTheGradient) {
    for (AttentionShape const& shape : shapes()) {
        AttentionCase const c = make_case(shape);
        auto const qkv = inputs<TypeParam>(shape);
        Run<TypeParam> const run(c, qkv);
        auto const dout = Tensor<TypeParam, 2>::normal(run.out.in().shape, "dout");
        Tensor<TypeParam, 2> dqkv(qkv.in().shape);
        auto const start = starts(c);
        attention_backward<TypeParam>(
            qkv.in(), start.in(), shape, run.out.in(), run.log_sum.in(), dout.in(), dqkv.view(), {}
        );
        auto const x = qkv.doubles();
        auto const slope = dout.doubles();
        auto const exact = GradientReference(c, x, slope, test::rounding_of<TypeParam>()).run();
        test::expect_near(dqkv, exact.value, [&](std::size_t i) { return exact.bound[i]; });
        // Of fewer tokens the mean square of the errors is no variance yet.
        if (shape.rows * shape.row_length >= 60) {
            auto const floats = GradientReference(c, x, slope, 0.0).run();
            expect_lengths(c, dqkv.doubles(), exact, floats);
        }
    }
}

TYPED_TEST(AttentionTest, ScoresFallWithTheDistanceForwardAndBackward) {
    ISOGLOSS_CPU_ONLY();
    for (AttentionShape const& shape :
         {AttentionShape{2, 130, 4, 2, 8}, AttentionShape{3, 77, 3, 1, 4}}) {
        AttentionCase c = make_case(shape);
        c.slope = alibi_slopes(shape.heads);
        auto const qkv = inputs<TypeParam>(shape);
        Run<TypeParam> const run(c, qkv);
        Reference const expected = attention_of(c, qkv.doubles());
        // What a score loses, below 130, is one more float in the sums that the bound counts.
        test::expect_near(run.out, expected.out, [&](std::size_t) {
            return 2.0 * output_bound<TypeParam>(shape);
        });
        auto const dout = Tensor<TypeParam, 2>::normal(run.out.in().shape, "dout");
        Tensor<TypeParam, 2> dqkv(qkv.in().shape);
        auto const start = starts(c);
        attention_backward<TypeParam>(
            qkv.in(), start.in(), c.full_shape(), run.out.in(), run.log_sum.in(), dout.in(),
            dqkv.view(), {}
        );
        auto const exact =
            GradientReference(c, qkv.doubles(), dout.doubles(), test::rounding_of<TypeParam>())
                .run();
        test::expect_near(dqkv, exact.value, [&](std::size_t i) { return 2.0 * exact.bound[i]; });
    }
}

TEST(AlibiTest, SlopesAreThoseOfBloom) {
    // 8 heads: 1/2, 1/4, ... 1/256.
    auto const eight = alibi_slopes(8);
    for (std::size_t h = 0; h < 8; ++h) {
        EXPECT_EQ(eight[h], std::exp2(-static_cast<float>(h + 1)));
    }
    // 6 heads: the four of 4, then the first and the third of 8.
    EXPECT_EQ(
        alibi_slopes(6), (std::vector<float>{0.25F, 0.0625F, 0.015625F, 0.00390625F, 0.5F, 0.125F})
    );
    EXPECT_EQ(alibi_slopes(1), std::vector<float>{0.00390625F});
}

TYPED_TEST(AttentionTest, TheSameBitsForAnyNumberOfThreads) {
    AttentionCase const c = make_case({3, 150, 4, 2, 16});
    auto const qkv = inputs<TypeParam>(c.shape);
    Run<TypeParam> const first(c, qkv);
    auto const start = starts(c);
    auto const backward = [&] {
        Tensor<TypeParam, 2> dqkv(qkv.in().shape);
        attention_backward<TypeParam>(
            qkv.in(), start.in(), c.shape, first.out.in(), first.log_sum.in(), first.out.in(),
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
    AttentionCase const c = make_case({2, 130, 2, 1, 8});
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

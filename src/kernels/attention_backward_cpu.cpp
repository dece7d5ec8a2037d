// kernels/attention_backward_cpu.cpp
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/attention_heads.h"
#include "kernels/backend.h"
#include "kernels/vector_math.h"

namespace isogloss::cpu {
namespace {

/// The backward pass of one thread. Works on transposed scores [keys, queries]: so the gradients of
/// keys and values are plain products, and only that of the queries is summed over blocks.
template <class T>
class BackwardPass {
public:
    explicit BackwardPass(AttentionShape const& shape)
        : shape_(shape),
          scale_(1.0F / std::sqrt(static_cast<float>(shape.head_width))),
          q_(shape),
          k_(shape),
          v_(shape),
          dout_(shape),
          score_(static_cast<std::size_t>(kAttentionBlock * shape.row_length)),
          dprob_(score_.size()),
          prob_(score_.size()),
          dscore_(score_.size()),
          log_sum_(static_cast<std::size_t>(shape.row_length)),
          delta_(log_sum_.size()),
          dq_(static_cast<std::size_t>(shape.row_length * shape.head_width)),
          dk_(dq_.size()),
          dv_(dq_.size()) {}

    /// Forgets the sums over the query heads of the last key and value head.
    void start_kv_head(Matrix<T const> k, Matrix<T const> v) {
        k_.pack(k);
        v_.pack(v);
        std::fill(dk_.begin(), dk_.end(), 0.0F);
        std::fill(dv_.begin(), dv_.end(), 0.0F);
    }

    /// delta[n] = sum_w out[n, w] dout[n, w], and the head's log_sum side by side.
    void start_head(
        Matrix<T const> q, Matrix<T const> out, Matrix<T const> dout, float const* log_sum
    ) {
        q_.pack(q);
        dout_.pack(dout);
        std::fill(dq_.begin(), dq_.end(), 0.0F);
        for (std::int64_t n = 0; n < out.rows; ++n) {
            T const* const o = out.data + n * out.row_stride;
            T const* const d = dout.data + n * dout.row_stride;
            float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
            for (std::int64_t w = 0; w < out.columns; ++w) {
                sum += to_float(o[w]) * to_float(d[w]);
            }
            delta_[static_cast<std::size_t>(n)] = sum;
            log_sum_[static_cast<std::size_t>(n)] = log_sum[n * shape_.heads];
        }
    }

    /// @param slope  what a score loses a token of distance
    void add_head(std::int32_t const* document_start, float slope) {
        slope_ = slope;
        for (std::int64_t begin = 0; begin < shape_.row_length; begin += kAttentionBlock) {
            std::int64_t const keys = std::min(kAttentionBlock, shape_.row_length - begin);
            auto const end_of = [&](std::int64_t key) {
                return std::upper_bound(
                           document_start + key, document_start + shape_.row_length, key
                       ) -
                       document_start;
            };
            std::int64_t const last = round_up(end_of(begin + keys - 1), kAttentionBlock);
            std::int64_t const queries = std::min(last, shape_.row_length) - begin;
            product<T, float>(
                k_.matrix().part(begin, keys), q_.matrix().part(begin, queries).transposed(),
                transposed_block(score_, keys, queries), Write::replace
            );
            product<T, float>(
                v_.matrix().part(begin, keys), dout_.matrix().part(begin, queries).transposed(),
                transposed_block(dprob_, keys, queries), Write::replace
            );
            for (std::int64_t i = 0; i < keys; ++i) {
                differentiate_row(i, begin, {i, end_of(begin + i) - begin}, queries);
            }
            add_products(begin, keys, queries);
        }
    }

    void write_dq(Matrix<T> to) const {
        write(dq_, to);
    }
    void write_dk(Matrix<T> to) const {
        write(dk_, to);
    }
    void write_dv(Matrix<T> to) const {
        write(dv_, to);
    }

private:
    template <class U>
    Matrix<U> transposed_block(std::vector<U>& block, std::int64_t keys, std::int64_t queries) {
        return {block.data(), keys, queries, queries, 1};
    }

    /// Probabilities of key i of the block and their gradient, for the queries in `visible`.
    void differentiate_row(
        std::int64_t i, std::int64_t begin, Range visible, std::int64_t queries
    ) {
        float const* const score = score_.data() + i * queries;
        float const* const dprob = dprob_.data() + i * queries;
        float const* const log_sum = log_sum_.data() + begin;
        float const* const delta = delta_.data() + begin;
        T* const prob = prob_.data() + i * queries;
        T* const dscore = dscore_.data() + i * queries;
        T const zero = from_float<T>(0.0F);
        std::fill(prob, prob + visible.begin, zero);
        std::fill(dscore, dscore + visible.begin, zero);
        float const slope = slope_;
#pragma omp simd
        for (std::int64_t n = visible.begin; n < visible.end; ++n) {
            float const lost = slope * static_cast<float>(n - i);
            float const p = exp_fast(score[n] * scale_ - lost - log_sum[n]);
            prob[n] = from_float<T>(p);
            dscore[n] = from_float<T>(p * (dprob[n] - delta[n]) * scale_);
        }
        std::fill(prob + visible.end, prob + queries, zero);
        std::fill(dscore + visible.end, dscore + queries, zero);
    }

    void add_products(std::int64_t begin, std::int64_t keys, std::int64_t queries) {
        std::int64_t const width = shape_.head_width;
        Matrix<T const> const prob{prob_.data(), keys, queries, queries, 1};
        Matrix<T const> const dscore{dscore_.data(), keys, queries, queries, 1};
        auto const rows_of = [&](std::vector<float>& sums, std::int64_t count) {
            return Matrix<float>{sums.data() + begin * width, count, width, width, 1};
        };
        product<T, float>(
            prob, dout_.matrix().part(begin, queries), rows_of(dv_, keys), Write::add
        );
        product<T, float>(dscore, q_.matrix().part(begin, queries), rows_of(dk_, keys), Write::add);
        product<T, float>(
            dscore.transposed(), k_.matrix().part(begin, keys), rows_of(dq_, queries), Write::add
        );
    }

    static void write(std::vector<float> const& from, Matrix<T> to) {
        for (std::int64_t n = 0; n < to.rows; ++n) {
            float const* const sums = from.data() + n * to.columns;
            T* const row = to.data + n * to.row_stride;
#pragma omp simd
            for (std::int64_t w = 0; w < to.columns; ++w) {
                row[w] = from_float<T>(sums[w]);
            }
        }
    }

    AttentionShape const& shape_;
    float scale_;
    float slope_ = 0.0F;
    PackedHead<T> q_;
    PackedHead<T> k_;
    PackedHead<T> v_;
    PackedHead<T> dout_;
    std::vector<float> score_;
    std::vector<float> dprob_;
    std::vector<T> prob_;
    std::vector<T> dscore_;
    std::vector<float> log_sum_;
    std::vector<float> delta_;
    std::vector<float> dq_;
    std::vector<float> dk_;
    std::vector<float> dv_;
};

}  // namespace

template <class T>
void attention_backward(
    View<T const, 2> qkv,
    View<std::int32_t const, 1> document_start,
    AttentionShape const& shape,
    View<T const, 2> out,
    View<float const, 2> log_sum,
    View<T const, 2> dout,
    View<T, 2> dqkv,
    Stream /*stream*/
) {
    std::int64_t const group = shape.heads / shape.kv_heads;
    for_each_kv_head<BackwardPass<T>>(
        shape,
        [&](BackwardPass<T>& pass, std::int64_t row, std::int64_t g) {
            pass.start_kv_head(
                head_of<T const>(qkv, shape, row, shape.heads + g),
                head_of<T const>(qkv, shape, row, shape.heads + shape.kv_heads + g)
            );
            for (std::int64_t h = g * group; h < (g + 1) * group; ++h) {
                pass.start_head(
                    head_of<T const>(qkv, shape, row, h), head_of<T const>(out, shape, row, h),
                    head_of<T const>(dout, shape, row, h),
                    log_sum.data + row * shape.row_length * shape.heads + h
                );
                pass.add_head(document_start.data + row * shape.row_length, slope_of(shape, h));
                pass.write_dq(head_of<T>(dqkv, shape, row, h));
            }
            pass.write_dk(head_of<T>(dqkv, shape, row, shape.heads + g));
            pass.write_dv(head_of<T>(dqkv, shape, row, shape.heads + shape.kv_heads + g));
        }
    );
}

template decltype(attention_backward<float>) attention_backward<float>;
template decltype(attention_backward<bf16>) attention_backward<bf16>;

}  // namespace isogloss::cpu

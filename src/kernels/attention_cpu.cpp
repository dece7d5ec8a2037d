// kernels/attention_cpu.cpp
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/attention_heads.h"
#include "kernels/backend.h"
#include "kernels/vector_math.h"

namespace isogloss::cpu {
namespace {

/// Writes e^(scale (score - largest)) over the keys [first, last) and 0 over the rest of [0, keys).
/// Returns the sum and, in `log_sum`, scale largest + log sum.
template <class T>
float exponentials(
    float const* score, Range visible, std::int64_t keys, float scale, T* prob, float& log_sum
) {
    float largest = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : largest)
    for (std::int64_t j = visible.begin; j < visible.end; ++j) {
        largest = score[j] > largest ? score[j] : largest;
    }
    std::fill(prob, prob + visible.begin, from_float<T>(0.0F));
    float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t j = visible.begin; j < visible.end; ++j) {
        float const e = exp_fast((score[j] - largest) * scale);
        prob[j] = from_float<T>(e);
        sum += e;
    }
    std::fill(prob + visible.end, prob + keys, from_float<T>(0.0F));
    log_sum = largest * scale + std::log(sum);
    return sum;
}

/// The forward pass of one thread: heads one after the other, in the same scratch.
template <class T>
class ForwardPass {
public:
    explicit ForwardPass(AttentionShape const& shape)
        : shape_(shape),
          scale_(1.0F / std::sqrt(static_cast<float>(shape.head_width))),
          q_(shape),
          k_(shape),
          v_(shape),
          score_(static_cast<std::size_t>(kAttentionBlock * shape.row_length)),
          prob_(static_cast<std::size_t>(kAttentionBlock * shape.row_length)),
          sum_(static_cast<std::size_t>(kAttentionBlock)),
          weighted_(static_cast<std::size_t>(kAttentionBlock * shape.head_width)) {}

    void start_kv_head(Matrix<T const> k, Matrix<T const> v) {
        k_.pack(k);
        v_.pack(v);
    }

    /// Of the next head: what a score loses a token of distance.
    void set_slope(float slope) { slope_ = slope; }

    /// @param log_sum  of this head: one a token, `shape.heads` apart
    void run(Matrix<T const> q, std::int32_t const* document_start, Matrix<T> out, float* log_sum) {
        q_.pack(q);
        for (std::int64_t begin = 0; begin < shape_.row_length; begin += kAttentionBlock) {
            std::int64_t const end = std::min(begin + kAttentionBlock, shape_.row_length);
            // The earliest document of these queries is that of the first.
            std::int64_t const first_key =
                document_start[begin] / kAttentionBlock * kAttentionBlock;
            std::int64_t const keys = end - first_key;
            Matrix<float> const score{score_.data(), end - begin, keys, keys, 1};
            product<T, float>(
                q_.matrix().part(begin, end - begin),
                k_.matrix().part(first_key, keys).transposed(), score, Write::replace
            );
            for (std::int64_t i = 0; i < end - begin; ++i) {
                Range const visible{
                    document_start[begin + i] - first_key, begin + i + 1 - first_key};
                if (slope_ != 0.0F) {
                    add_distances(score.data + i * keys, visible, -slope_ / scale_);
                }
                sum_[static_cast<std::size_t>(i)] = exponentials(
                    score.data + i * keys, visible, keys, scale_, prob_.data() + i * keys,
                    log_sum[(begin + i) * shape_.heads]
                );
            }
            product<T, float>(
                {prob_.data(), end - begin, keys, keys, 1}, v_.matrix().part(first_key, keys),
                {weighted_.data(), end - begin, shape_.head_width, shape_.head_width, 1},
                Write::replace
            );
            write(out.part(begin, end - begin));
        }
    }

private:
    /// score[j] += step times the distance of key j from the last of `visible`, the query's own.
    static void add_distances(float* score, Range visible, float step) {
#pragma omp simd
        for (std::int64_t j = visible.begin; j < visible.end; ++j) {
            score[j] += step * static_cast<float>(visible.end - 1 - j);
        }
    }

    void write(Matrix<T> out) const {
        for (std::int64_t i = 0; i < out.rows; ++i) {
            float const factor = 1.0F / sum_[static_cast<std::size_t>(i)];
            float const* const from = weighted_.data() + i * out.columns;
            T* const to = out.data + i * out.row_stride;
#pragma omp simd
            for (std::int64_t w = 0; w < out.columns; ++w) {
                to[w] = from_float<T>(from[w] * factor);
            }
        }
    }

    AttentionShape const& shape_;
    float scale_;
    float slope_ = 0.0F;
    PackedHead<T> q_;
    PackedHead<T> k_;
    PackedHead<T> v_;
    std::vector<float> score_;
    std::vector<T> prob_;
    std::vector<float> sum_;
    std::vector<float> weighted_;
};

}  // namespace

template <class T>
void attention(
    View<T const, 2> qkv,
    View<std::int32_t const, 1> document_start,
    AttentionShape const& shape,
    View<T, 2> out,
    View<float, 2> log_sum,
    Stream /*stream*/
) {
    std::int64_t const group = shape.heads / shape.kv_heads;
    for_each_kv_head<ForwardPass<T>>(
        shape,
        [&](ForwardPass<T>& pass, std::int64_t row, std::int64_t g) {
            pass.start_kv_head(
                head_of<T const>(qkv, shape, row, shape.heads + g),
                head_of<T const>(qkv, shape, row, shape.heads + shape.kv_heads + g)
            );
            for (std::int64_t h = g * group; h < (g + 1) * group; ++h) {
                pass.set_slope(slope_of(shape, h));
                pass.run(
                    head_of<T const>(qkv, shape, row, h),
                    document_start.data + row * shape.row_length, head_of<T>(out, shape, row, h),
                    log_sum.data + row * shape.row_length * shape.heads + h
                );
            }
        }
    );
}

template decltype(attention<float>) attention<float>;
template decltype(attention<bf16>) attention<bf16>;

}  // namespace isogloss::cpu

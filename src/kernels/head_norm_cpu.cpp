// kernels/head_norm_cpu.cpp
#include <algorithm>
#include <cmath>

#include "kernels/backend.h"
#include "kernels/column_sums.h"
#include "kernels/parallel.h"

namespace isogloss::cpu {
namespace {

/// y = gain x inverse for one head; returns inverse.
template <class T>
float normalise(T const* x, T const* gain, float epsilon, std::int64_t width, T* y) {
    float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t w = 0; w < width; ++w) {
        sum += to_float(x[w]) * to_float(x[w]);
    }
    float const inverse = 1.0F / std::sqrt(sum / static_cast<float>(width) + epsilon);
#pragma omp simd
    for (std::int64_t w = 0; w < width; ++w) {
        y[w] = from_float<T>(to_float(gain[w]) * to_float(x[w]) * inverse);
    }
    return inverse;
}

/// dy becomes dx of one head; adds dy x inverse to dgain [width] unless that is null.
template <class T>
void differentiate(
    T const* x, T const* gain, float inverse, std::int64_t width, T* dy, float* dgain
) {
    float dot = 0.0F;
#pragma omp simd reduction(+ : dot)
    for (std::int64_t w = 0; w < width; ++w) {
        dot += to_float(gain[w]) * to_float(dy[w]) * to_float(x[w]);
    }
    float const along = inverse * inverse * inverse * dot / static_cast<float>(width);
    if (dgain != nullptr) {
#pragma omp simd
        for (std::int64_t w = 0; w < width; ++w) {
            dgain[w] += to_float(dy[w]) * to_float(x[w]) * inverse;
        }
    }
#pragma omp simd
    for (std::int64_t w = 0; w < width; ++w) {
        float const across = inverse * to_float(gain[w]) * to_float(dy[w]);
        dy[w] = from_float<T>(across - along * to_float(x[w]));
    }
}

template <class T>
T const* gain_of(HeadNorm<T> const& norm, std::int64_t head) {
    return head < norm.queries ? norm.query_gain.data : norm.key_gain.data;
}

}  // namespace

template <class T>
void head_norm(
    View<T const, 3> x,
    HeadNorm<T> const& norm,
    View<T, 3> y,
    View<float, 2> inverse,
    Stream /*stream*/
) {
    auto const [tokens, all_heads, width] = x.shape;
    std::int64_t const stride = all_heads * width;
    std::int64_t const heads = norm.heads();
    parallel_rows(tokens, stride, [&, width = width](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
            T const* const from = x.data + n * stride;
            T* const to = y.data + n * stride;
            for (std::int64_t h = 0; h < heads; ++h) {
                inverse.data[n * heads + h] = normalise(
                    from + h * width, gain_of(norm, h), norm.epsilon, width, to + h * width
                );
            }
            std::copy(from + heads * width, from + stride, to + heads * width);
        }
    });
}

template <class T>
void head_norm_backward(
    View<T const, 3> x,
    HeadNorm<T> const& norm,
    View<float const, 2> inverse,
    View<T, 3> dy,
    HeadNormGradients const& gradients,
    Stream /*stream*/
) {
    auto const [tokens, all_heads, width] = x.shape;
    std::int64_t const stride = all_heads * width;
    std::int64_t const heads = norm.heads();
    bool const trains = gradients.query_gain.data != nullptr;
    // Of each block the sums of the queries, then of the keys.
    ColumnSums sums(tokens, 2 * width);
    sums.for_each_block([&, width = width](std::int64_t begin, std::int64_t end, float* sum) {
        for (std::int64_t n = begin; n < end; ++n) {
            for (std::int64_t h = 0; h < heads; ++h) {
                float* const dgain = sum + (h < norm.queries ? 0 : width);
                differentiate(
                    x.data + n * stride + h * width, gain_of(norm, h), inverse.data[n * heads + h],
                    width, dy.data + n * stride + h * width, trains ? dgain : nullptr
                );
            }
        }
    });
    if (trains) {
        std::vector<float> total(static_cast<std::size_t>(2 * width), 0.0F);
        sums.add_to(total.data());
        for (std::int64_t w = 0; w < width; ++w) {
            gradients.query_gain.data[w] += total[static_cast<std::size_t>(w)];
            gradients.key_gain.data[w] += total[static_cast<std::size_t>(width + w)];
        }
    }
}

template decltype(head_norm<float>) head_norm<float>;
template decltype(head_norm<bf16>) head_norm<bf16>;
template decltype(head_norm_backward<float>) head_norm_backward<float>;
template decltype(head_norm_backward<bf16>) head_norm_backward<bf16>;

}  // namespace isogloss::cpu

// kernels/rms_norm_cpu.cpp
#include <cmath>

#include "kernels/backend.h"
#include "kernels/column_sums.h"
#include "kernels/parallel.h"

namespace isogloss::cpu {
namespace {

/// y = gain * x * inverse for one row of `width`; returns inverse.
template <class T>
float normalise(T const* x, NormGain<T> const& gain, float epsilon, std::int64_t width, T* y) {
    T const* const weight = gain.weight.data;
    float const offset = gain.offset;
    float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t d = 0; d < width; ++d) {
        sum += to_float(x[d]) * to_float(x[d]);
    }
    float const inverse = 1.0F / std::sqrt(sum / static_cast<float>(width) + epsilon);
#pragma omp simd
    for (std::int64_t d = 0; d < width; ++d) {
        y[d] = from_float<T>((offset + to_float(weight[d])) * to_float(x[d]) * inverse);
    }
    return inverse;
}

/// dx += inverse * gain * dy - x * inverse^3 * mean(gain * dy * x) for one row.
template <class T>
void add_row_gradient(
    T const* dy, T const* x, NormGain<T> const& gain, float inverse, std::int64_t width, T* dx
) {
    T const* const weight = gain.weight.data;
    float const offset = gain.offset;
    float dot = 0.0F;
#pragma omp simd reduction(+ : dot)
    for (std::int64_t d = 0; d < width; ++d) {
        dot += (offset + to_float(weight[d])) * to_float(dy[d]) * to_float(x[d]);
    }
    float const along = inverse * inverse * inverse * dot / static_cast<float>(width);
#pragma omp simd
    for (std::int64_t d = 0; d < width; ++d) {
        float const across = inverse * (offset + to_float(weight[d])) * to_float(dy[d]);
        dx[d] = from_float<T>(to_float(dx[d]) + across - along * to_float(x[d]));
    }
}

}  // namespace

template <class T>
void rms_norm(
    View<T const, 2> x,
    NormGain<T> const& gain,
    float epsilon,
    View<T, 2> y,
    View<float, 1> inverse,
    Stream /*stream*/
) {
    std::int64_t const width = x.shape[1];
    parallel_rows(x.shape[0], width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
            inverse.data[n] =
                normalise(x.data + n * width, gain, epsilon, width, y.data + n * width);
        }
    });
}

template <class T>
void add_rms_norm(
    View<T, 2> x,
    View<T const, 2> delta,
    NormGain<T> const& gain,
    float epsilon,
    View<T, 2> y,
    View<float, 1> inverse,
    Stream /*stream*/
) {
    std::int64_t const width = x.shape[1];
    parallel_rows(x.shape[0], width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
            T* const row = x.data + n * width;
            T const* const change = delta.data + n * width;
#pragma omp simd
            for (std::int64_t d = 0; d < width; ++d) {
                row[d] = from_float<T>(to_float(row[d]) + to_float(change[d]));
            }
            inverse.data[n] = normalise<T>(row, gain, epsilon, width, y.data + n * width);
        }
    });
}

template <class T>
void rms_norm_backward(
    View<T const, 2> dy,
    View<T const, 2> x,
    NormGain<T> const& gain,
    View<float const, 1> inverse,
    View<T, 2> dx,
    View<float, 1> dgain,
    Stream /*stream*/
) {
    std::int64_t const width = x.shape[1];
    auto const add_row = [&](std::int64_t n) {
        add_row_gradient(
            dy.data + n * width, x.data + n * width, gain, inverse.data[n], width,
            dx.data + n * width
        );
    };
    if (dgain.data == nullptr) {
        parallel_rows(x.shape[0], width, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t n = begin; n < end; ++n) {
                add_row(n);
            }
        });
        return;
    }
    ColumnSums sums(x.shape[0], width);
    sums.for_each_block([&](std::int64_t begin, std::int64_t end, float* sum) {
        for (std::int64_t n = begin; n < end; ++n) {
            T const* const row = x.data + n * width;
            T const* const gradient = dy.data + n * width;
            float const scale = inverse.data[n];
            add_row(n);
#pragma omp simd
            for (std::int64_t d = 0; d < width; ++d) {
                sum[d] += to_float(gradient[d]) * to_float(row[d]) * scale;
            }
        }
    });
    sums.add_to(dgain.data);
}

template decltype(rms_norm<float>) rms_norm<float>;
template decltype(rms_norm<bf16>) rms_norm<bf16>;
template decltype(add_rms_norm<float>) add_rms_norm<float>;
template decltype(add_rms_norm<bf16>) add_rms_norm<bf16>;
template decltype(rms_norm_backward<float>) rms_norm_backward<float>;
template decltype(rms_norm_backward<bf16>) rms_norm_backward<bf16>;

}  // namespace isogloss::cpu

// kernels/layer_norm_cpu.cpp
#include <cmath>

#include "kernels/backend.h"
#include "kernels/column_sums.h"
#include "kernels/parallel.h"

namespace isogloss::cpu {
namespace {

/// Mean and inverse deviation of a row.
struct Moments {
    float mean;
    float inverse;
};

/// The variance is that of the differences from the mean: squares of x itself would cancel.
template <class T>
Moments moments_of(T const* x, float epsilon, std::int64_t width) {
    float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t d = 0; d < width; ++d) {
        sum += to_float(x[d]);
    }
    float const mean = sum / static_cast<float>(width);
    float squares = 0.0F;
#pragma omp simd reduction(+ : squares)
    for (std::int64_t d = 0; d < width; ++d) {
        float const difference = to_float(x[d]) - mean;
        squares += difference * difference;
    }
    return {mean, 1.0F / std::sqrt(squares / static_cast<float>(width) + epsilon)};
}

template <class T>
Moments normalise(
    T const* x, LayerNormWeights<T> const& weights, float epsilon, std::int64_t width, T* y
) {
    auto const [mean, inverse] = moments_of(x, epsilon, width);
    T const* const gain = weights.gain.data;
    T const* const bias = weights.bias.data;
#pragma omp simd
    for (std::int64_t d = 0; d < width; ++d) {
        float const unit = (to_float(x[d]) - mean) * inverse;
        y[d] = from_float<T>(to_float(gain[d]) * unit + to_float(bias[d]));
    }
    return {mean, inverse};
}

/// dx += inverse (g - mean_d g - u mean_d (g u)), g = gain dy, u = (x - mean) inverse, for one row.
template <class T>
void add_row_gradient(
    T const* dy, T const* x, T const* gain, Moments moments, std::int64_t width, T* dx
) {
    auto const [mean, inverse] = moments;
    float sum = 0.0F;
    float dot = 0.0F;
#pragma omp simd reduction(+ : sum, dot)
    for (std::int64_t d = 0; d < width; ++d) {
        float const g = to_float(gain[d]) * to_float(dy[d]);
        sum += g;
        dot += g * (to_float(x[d]) - mean) * inverse;
    }
    float const level = sum / static_cast<float>(width);
    float const along = dot / static_cast<float>(width);
#pragma omp simd
    for (std::int64_t d = 0; d < width; ++d) {
        float const g = to_float(gain[d]) * to_float(dy[d]);
        float const unit = (to_float(x[d]) - mean) * inverse;
        dx[d] = from_float<T>(to_float(dx[d]) + inverse * (g - level - unit * along));
    }
}

/// Adds dy u to sums [width] and dy to the [width] after them.
template <class T>
void add_to_weights(T const* dy, T const* x, Moments moments, std::int64_t width, float* sums) {
    auto const [mean, inverse] = moments;
#pragma omp simd
    for (std::int64_t d = 0; d < width; ++d) {
        sums[d] += to_float(dy[d]) * (to_float(x[d]) - mean) * inverse;
        sums[width + d] += to_float(dy[d]);
    }
}

}  // namespace

template <class T>
void layer_norm(
    View<T const, 2> x,
    LayerNormWeights<T> const& weights,
    float epsilon,
    View<T, 2> y,
    LayerMoments const& moments,
    Stream /*stream*/
) {
    std::int64_t const width = x.shape[1];
    parallel_rows(x.shape[0], width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
            auto const its =
                normalise(x.data + n * width, weights, epsilon, width, y.data + n * width);
            moments.mean.data[n] = its.mean;
            moments.inverse.data[n] = its.inverse;
        }
    });
}

template <class T>
void add_layer_norm(
    View<T, 2> x,
    View<T const, 2> delta,
    LayerNormWeights<T> const& weights,
    float epsilon,
    View<T, 2> y,
    LayerMoments const& moments,
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
            auto const its = normalise<T>(row, weights, epsilon, width, y.data + n * width);
            moments.mean.data[n] = its.mean;
            moments.inverse.data[n] = its.inverse;
        }
    });
}

template <class T>
void layer_norm_backward(
    View<T const, 2> dy,
    View<T const, 2> x,
    LayerNormWeights<T> const& weights,
    LayerMoments const& moments,
    View<T, 2> dx,
    LayerNormGradients const& gradients,
    Stream /*stream*/
) {
    std::int64_t const width = x.shape[1];
    auto const of_row = [&](std::int64_t n) {
        return Moments{moments.mean.data[n], moments.inverse.data[n]};
    };
    auto const add_row = [&](std::int64_t n) {
        add_row_gradient(
            dy.data + n * width, x.data + n * width, weights.gain.data, of_row(n), width,
            dx.data + n * width
        );
    };
    if (gradients.gain.data == nullptr) {
        parallel_rows(x.shape[0], width, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t n = begin; n < end; ++n) {
                add_row(n);
            }
        });
        return;
    }
    ColumnSums sums(x.shape[0], 2 * width);
    sums.for_each_block([&](std::int64_t begin, std::int64_t end, float* sum) {
        for (std::int64_t n = begin; n < end; ++n) {
            add_row(n);
            add_to_weights(dy.data + n * width, x.data + n * width, of_row(n), width, sum);
        }
    });
    std::vector<float> total(static_cast<std::size_t>(2 * width), 0.0F);
    sums.add_to(total.data());
    for (std::int64_t d = 0; d < width; ++d) {
        gradients.gain.data[d] += total[static_cast<std::size_t>(d)];
        gradients.bias.data[d] += total[static_cast<std::size_t>(width + d)];
    }
}

template decltype(layer_norm<float>) layer_norm<float>;
template decltype(layer_norm<bf16>) layer_norm<bf16>;
template decltype(add_layer_norm<float>) add_layer_norm<float>;
template decltype(add_layer_norm<bf16>) add_layer_norm<bf16>;
template decltype(layer_norm_backward<float>) layer_norm_backward<float>;
template decltype(layer_norm_backward<bf16>) layer_norm_backward<bf16>;

}  // namespace isogloss::cpu

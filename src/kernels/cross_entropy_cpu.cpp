// kernels/cross_entropy_cpu.cpp
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/require.h"
#include "kernels/backend.h"
#include "kernels/cross_entropy.h"
#include "kernels/parallel.h"
#include "kernels/vector_math.h"

namespace isogloss::cpu {
namespace {

void require_targets_inside(View<std::int32_t const, 1> target, std::int64_t vocabulary) {
    for (std::int64_t n = 0; n < target.shape[0]; ++n) {
        std::int32_t const id = target.data[n];
        require(
            id == kIgnoredTarget || (id >= 0 && id < vocabulary),
            "cross_entropy: target[{}] is {}; there are {} logits", n, id, vocabulary
        );
    }
}

/// What a row's loss and gradient are made of.
struct RowSum {
    float largest = 0.0F;
    float sum = 0.0F;  ///< of e^(logit - largest)
};

template <class T>
float largest_of(T const* row, std::int64_t size) {
    float largest = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : largest)
    for (std::int64_t v = 0; v < size; ++v) {
        float const logit = to_float(row[v]);
        largest = logit > largest ? logit : largest;
    }
    return largest;
}

template <class T>
RowSum sum_exponentials(T const* row, std::int64_t size) {
    float const largest = largest_of(row, size);
    float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t v = 0; v < size; ++v) {
        sum += exp_fast(to_float(row[v]) - largest);
    }
    return {largest, sum};
}

/// The same, keeping the exponentials.
template <class T>
RowSum keep_exponentials(T const* row, std::int64_t size, float* exponential) {
    float const largest = largest_of(row, size);
    float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t v = 0; v < size; ++v) {
        exponential[v] = exp_fast(to_float(row[v]) - largest);
        sum += exponential[v];
    }
    return {largest, sum};
}

template <class T>
float loss_and_gradient(
    T* row, std::int64_t size, std::int32_t target, float scale, float* exponential
) {
    if (target == kIgnoredTarget) {
        std::fill_n(row, size, from_float<T>(0.0F));
        return 0.0F;
    }
    auto const [largest, sum] = keep_exponentials(row, size, exponential);
    float const loss = std::log(sum) + largest - to_float(row[target]);
    float const factor = scale / sum;
#pragma omp simd
    for (std::int64_t v = 0; v < size; ++v) {
        row[v] = from_float<T>(exponential[v] * factor);
    }
    row[target] = from_float<T>(exponential[target] * factor - scale);
    return loss;
}

}  // namespace

template <class T>
void cross_entropy(
    View<T const, 2> logits,
    View<std::int32_t const, 1> target,
    View<float, 1> loss,
    Stream /*stream*/
) {
    std::int64_t const size = logits.shape[1];
    require_targets_inside(target, size);
    parallel_rows(logits.shape[0], size, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
            loss.data[n] = 0.0F;
            if (target.data[n] != kIgnoredTarget) {
                T const* const row = logits.data + n * size;
                auto const [largest, sum] = sum_exponentials(row, size);
                loss.data[n] = std::log(sum) + largest - to_float(row[target.data[n]]);
            }
        }
    });
}

template <class T>
void cross_entropy_with_gradient(
    View<T, 2> logits,
    View<std::int32_t const, 1> target,
    float scale,
    View<float, 1> loss,
    Stream /*stream*/
) {
    std::int64_t const size = logits.shape[1];
    require_targets_inside(target, size);
    parallel_rows(logits.shape[0], 4 * size, [&](std::int64_t begin, std::int64_t end) {
        std::vector<float> exponential(static_cast<std::size_t>(size));
        for (std::int64_t n = begin; n < end; ++n) {
            loss.data[n] = loss_and_gradient(
                logits.data + n * size, size, target.data[n], scale, exponential.data()
            );
        }
    });
}

template decltype(cross_entropy<float>) cross_entropy<float>;
template decltype(cross_entropy<bf16>) cross_entropy<bf16>;
template decltype(cross_entropy_with_gradient<float>) cross_entropy_with_gradient<float>;
template decltype(cross_entropy_with_gradient<bf16>) cross_entropy_with_gradient<bf16>;

}  // namespace isogloss::cpu

// kernels/permute_rows_cpu.cpp
#include <algorithm>
#include <vector>

#include "base/require.h"
#include "kernels/backend.h"
#include "kernels/parallel.h"

namespace isogloss::cpu {
namespace {

void require_inside(char const* operation, View<std::int32_t const, 1> index, std::int64_t rows) {
    for (std::int64_t m = 0; m < index.shape[0]; ++m) {
        require(
            index.data[m] >= 0 && index.data[m] < rows, "{}: index[{}] is {}; there are {} rows",
            operation, m, index.data[m], rows
        );
    }
}

void require_rising(View<std::int32_t const, 1> begin, std::int64_t size) {
    std::int64_t const last = begin.shape[0] - 1;
    require(
        begin.data[0] >= 0 && begin.data[last] <= size &&
            std::is_sorted(begin.data, begin.data + last + 1),
        "sum_rows: begin must rise within 0 and {}; it goes from {} to {}", size, begin.data[0],
        begin.data[last]
    );
}

}  // namespace

template <class T>
void gather_rows(
    View<T const, 2> x, View<std::int32_t const, 1> index, View<T, 2> y, Stream /*stream*/
) {
    require_inside("gather_rows", index, x.shape[0]);
    std::int64_t const width = x.shape[1];
    parallel_rows(index.shape[0], width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t m = begin; m < end; ++m) {
            std::copy_n(x.data + index.data[m] * width, width, y.data + m * width);
        }
    });
}

template <class T>
void gather_scaled_rows(
    View<T const, 2> x,
    View<std::int32_t const, 1> index,
    View<float const, 1> weight,
    View<T, 2> y,
    Stream /*stream*/
) {
    require_inside("gather_scaled_rows", index, x.shape[0]);
    std::int64_t const width = x.shape[1];
    parallel_rows(index.shape[0], width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t m = begin; m < end; ++m) {
            T const* const from = x.data + index.data[m] * width;
            T* const to = y.data + m * width;
            float const factor = weight.data[m];
#pragma omp simd
            for (std::int64_t d = 0; d < width; ++d) {
                to[d] = from_float<T>(factor * to_float(from[d]));
            }
        }
    });
}

template <class T>
void sum_rows(
    View<T const, 2> x,
    View<std::int32_t const, 1> begin,
    View<std::int32_t const, 1> index,
    View<float const, 1> weight,
    View<T, 2> y,
    Stream /*stream*/
) {
    require_rising(begin, index.shape[0]);
    require_inside("sum_rows", index, x.shape[0]);
    std::int64_t const width = x.shape[1];
    parallel_rows(y.shape[0], 2 * width, [&](std::int64_t first, std::int64_t last) {
        std::vector<float> sum(static_cast<std::size_t>(width));
        float* const total = sum.data();
        for (std::int64_t n = first; n < last; ++n) {
            std::fill(sum.begin(), sum.end(), 0.0F);
            for (std::int64_t m = begin.data[n]; m < begin.data[n + 1]; ++m) {
                T const* const row = x.data + index.data[m] * width;
                float const factor = weight.data == nullptr ? 1.0F : weight.data[m];
#pragma omp simd
                for (std::int64_t d = 0; d < width; ++d) {
                    total[d] += factor * to_float(row[d]);
                }
            }
            T* const to = y.data + n * width;
#pragma omp simd
            for (std::int64_t d = 0; d < width; ++d) {
                to[d] = from_float<T>(total[d]);
            }
        }
    });
}

template <class T>
void row_dots(
    View<T const, 2> a,
    View<std::int32_t const, 1> a_index,
    View<T const, 2> b,
    View<float, 1> dot,
    Stream /*stream*/
) {
    require_inside("row_dots", a_index, a.shape[0]);
    std::int64_t const width = a.shape[1];
    parallel_rows(b.shape[0], width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t m = begin; m < end; ++m) {
            T const* const left = a.data + a_index.data[m] * width;
            T const* const right = b.data + m * width;
            float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
            for (std::int64_t d = 0; d < width; ++d) {
                sum += to_float(left[d]) * to_float(right[d]);
            }
            dot.data[m] = sum;
        }
    });
}

template decltype(gather_rows<float>) gather_rows<float>;
template decltype(gather_rows<bf16>) gather_rows<bf16>;
template decltype(gather_scaled_rows<float>) gather_scaled_rows<float>;
template decltype(gather_scaled_rows<bf16>) gather_scaled_rows<bf16>;
template decltype(sum_rows<float>) sum_rows<float>;
template decltype(sum_rows<bf16>) sum_rows<bf16>;
template decltype(row_dots<float>) row_dots<float>;
template decltype(row_dots<bf16>) row_dots<bf16>;

}  // namespace isogloss::cpu

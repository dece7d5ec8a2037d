// kernels/elementwise_cpu.cpp
#include <vector>

#include "kernels/backend.h"
#include "kernels/column_sums.h"
#include "kernels/parallel.h"

namespace isogloss::cpu {

template <class X, class Y>
void cast(View<X const, 1> x, View<Y, 1> y, Stream /*stream*/) {
    parallel_elements(x.shape[0], [&](std::int64_t begin, std::int64_t end) {
#pragma omp simd
        for (std::int64_t i = begin; i < end; ++i) {
            y.data[i] = from_float<Y>(to_float(x.data[i]));
        }
    });
}

template <class X, class Y>
void add(View<X const, 1> x, View<Y, 1> y, Stream /*stream*/) {
    parallel_elements(x.shape[0], [&](std::int64_t begin, std::int64_t end) {
#pragma omp simd
        for (std::int64_t i = begin; i < end; ++i) {
            y.data[i] = from_float<Y>(to_float(y.data[i]) + to_float(x.data[i]));
        }
    });
}

template <class T>
void scale(View<T, 1> x, float factor, Stream /*stream*/) {
    parallel_elements(x.shape[0], [&](std::int64_t begin, std::int64_t end) {
#pragma omp simd
        for (std::int64_t i = begin; i < end; ++i) {
            x.data[i] = from_float<T>(to_float(x.data[i]) * factor);
        }
    });
}

template <class T>
void fill(View<T, 1> x, float value, Stream /*stream*/) {
    T const stored = from_float<T>(value);
    parallel_elements(x.shape[0], [&](std::int64_t begin, std::int64_t end) {
        std::fill(x.data + begin, x.data + end, stored);
    });
}

template <class T>
void add_bias(View<T, 2> x, View<T const, 1> bias, Stream /*stream*/) {
    std::int64_t const width = x.shape[1];
    parallel_rows(x.shape[0], width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
            T* const row = x.data + n * width;
#pragma omp simd
            for (std::int64_t d = 0; d < width; ++d) {
                row[d] = from_float<T>(to_float(row[d]) + to_float(bias.data[d]));
            }
        }
    });
}

template <class T>
void sum_columns(View<T const, 2> dy, View<float, 1> dbias, Stream /*stream*/) {
    std::int64_t const width = dy.shape[1];
    ColumnSums sums(dy.shape[0], width);
    sums.for_each_block([&](std::int64_t begin, std::int64_t end, float* sum) {
        for (std::int64_t n = begin; n < end; ++n) {
            T const* const row = dy.data + n * width;
#pragma omp simd
            for (std::int64_t d = 0; d < width; ++d) {
                sum[d] += to_float(row[d]);
            }
        }
    });
    sums.add_to(dbias.data);
}

double sum_of_squares(View<float const, 1> x, Stream /*stream*/) {
    constexpr std::int64_t kBlock = 4096;
    std::int64_t const size = x.shape[0];
    std::vector<double> partial(static_cast<std::size_t>(ceil_div(size, kBlock)));
    parallel_parts(size, 1, kBlock, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t first = begin; first < end; first += kBlock) {
            double sum = 0.0;
            std::int64_t const last = std::min(first + kBlock, end);
#pragma omp simd reduction(+ : sum)
            for (std::int64_t i = first; i < last; ++i) {
                auto const value = static_cast<double>(x.data[i]);
                sum += value * value;
            }
            partial[static_cast<std::size_t>(first / kBlock)] = sum;
        }
    });
    double total = 0.0;
    for (double const sum : partial) {
        total += sum;
    }
    return total;
}

void sum_of_squares(View<float const, 1> x, Write write, View<double, 1> sum, Stream stream) {
    double const its = sum_of_squares(x, stream);
    sum.data[0] = write == Write::add ? sum.data[0] + its : its;
}

template decltype(cast<float, float>) cast<float, float>;
template decltype(cast<float, bf16>) cast<float, bf16>;
template decltype(cast<bf16, float>) cast<bf16, float>;
template decltype(cast<bf16, bf16>) cast<bf16, bf16>;
template decltype(add<float, float>) add<float, float>;
template decltype(add<float, bf16>) add<float, bf16>;
template decltype(add<bf16, bf16>) add<bf16, bf16>;
template decltype(scale<float>) scale<float>;
template decltype(scale<bf16>) scale<bf16>;
template decltype(fill<float>) fill<float>;
template decltype(fill<bf16>) fill<bf16>;
template decltype(add_bias<float>) add_bias<float>;
template decltype(add_bias<bf16>) add_bias<bf16>;
template decltype(sum_columns<float>) sum_columns<float>;
template decltype(sum_columns<bf16>) sum_columns<bf16>;

}  // namespace isogloss::cpu

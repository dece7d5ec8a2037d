// kernels/elementwise_cuda.cu
#include <algorithm>

#include "base/math.h"
#include "device/cuda_memory.h"
#include "kernels/backend.h"
#include "kernels/cuda_column_sums.h"
#include "kernels/cuda_parts.h"

namespace isogloss::cuda {
namespace {

/// Elements a thread moves where both types should be read by whole vectors.
template <class X, class Y>
constexpr int kPackOf = kVectorBytes / static_cast<int>(std::max(sizeof(X), sizeof(Y)));

template <class X, class Y>
struct Cast {
    X const* x;
    Y* y;

    template <int n>
    __device__ void at(std::int64_t i) const {
        float value[n];
        load(x + i, value);
        store(value, y + i);
    }
};

template <class X, class Y>
struct Add {
    X const* x;
    Y* y;

    template <int n>
    __device__ void at(std::int64_t i) const {
        float a[n];
        float b[n];
        load(x + i, a);
        load(y + i, b);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            b[j] += a[j];
        }
        store(b, y + i);
    }
};

template <class T>
struct Scale {
    T* x;
    float factor;

    template <int n>
    __device__ void at(std::int64_t i) const {
        float value[n];
        load(x + i, value);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            value[j] *= factor;
        }
        store(value, x + i);
    }
};

template <class T>
struct Fill {
    T* x;
    float value;

    template <int n>
    __device__ void at(std::int64_t i) const {
        float values[n];
#pragma unroll
        for (int j = 0; j < n; ++j) {
            values[j] = value;
        }
        store(values, x + i);
    }
};

template <class T>
struct AddBias {
    T* x;
    T const* bias;
    std::int64_t width;

    template <int n>
    __device__ void at(std::int64_t row, std::int64_t d) const {
        float value[n];
        float b[n];
        load(x + row * width + d, value);
        load(bias + d, b);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            value[j] += b[j];
        }
        store(value, x + row * width + d);
    }
};

/// partial[p, d] = sum over the p-th run of `rows_per_sum` rows, ascending. Lanes are columns.
template <class T, int n>
__global__ void __launch_bounds__(kThreads) sum_columns_kernel(
    T const* x, std::int64_t rows, std::int64_t width, std::int64_t rows_per_sum, float* partial
) {
    std::int64_t const d =
        (static_cast<std::int64_t>(blockIdx.y) * kThreads + static_cast<int>(threadIdx.x)) * n;
    if (d >= width) {
        return;
    }
    std::int64_t const first = blockIdx.x * rows_per_sum;
    std::int64_t const last = first + rows_per_sum < rows ? first + rows_per_sum : rows;
    float sum[n] = {};
    for (std::int64_t row = first; row < last; ++row) {
        float value[n];
        load(x + row * width + d, value);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            sum[j] += value[j];
        }
    }
#pragma unroll
    for (int j = 0; j < n; ++j) {
        partial[blockIdx.x * width + d + j] = sum[j];
    }
}

// Blocks are short, so that they fit where other work leaves multiprocessors idle for a moment.
constexpr std::int64_t kSquaresOfBlock = std::int64_t{64} * kThreads;
constexpr std::int64_t kMostSquareBlocks = 4096;

__global__ void __launch_bounds__(kThreads)
    squares_kernel(float const* x, std::int64_t size, std::int64_t of_block, double* partial) {
    double sum = 0.0;
    std::int64_t const begin = blockIdx.x * of_block;
    std::int64_t const end = min(size, begin + of_block);
#pragma unroll 8
    for (std::int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
        auto const value = static_cast<double>(x[i]);
        sum += value * value;
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = sum;
    }
}

// One block.
__global__ void __launch_bounds__(kThreads)
    add_squares_kernel(double const* partial, std::int64_t count, Write write, double* to) {
    double sum = 0.0;
    for (std::int64_t i = threadIdx.x; i < count; i += kThreads) {
        sum += partial[i];
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) {
        *to = write == Write::add ? *to + sum : sum;
    }
}

// `partial` has room for kMostSquareBlocks.
void add_squares(
    View<float const, 1> x, Write write, double* partial, double* to, cudaStream_t queue
) {
    auto const size = x.shape[0];
    auto const least = std::max(kSquaresOfBlock, ceil_div(size, kMostSquareBlocks));
    auto const of_block = round_up(least, std::int64_t{kThreads});
    auto const blocks = ceil_div(size, of_block);
    if (blocks > 0) {
        squares_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, queue>>>(
            x.data, size, of_block, partial
        );
        ISOGLOSS_CUDA(cudaGetLastError());
    }
    add_squares_kernel<<<1, kThreads, 0, queue>>>(partial, blocks, write, to);
    ISOGLOSS_CUDA(cudaGetLastError());
}

}  // namespace

template <class X, class Y>
void cast(View<X const, 1> x, View<Y, 1> y, Stream stream) {
    bool const aligned = all_aligned(kVectorBytes, x.data, y.data);
    over_elements<kPackOf<X, Y>>(x.shape[0], aligned, Cast<X, Y>{x.data, y.data}, stream);
}

template <class X, class Y>
void add(View<X const, 1> x, View<Y, 1> y, Stream stream) {
    bool const aligned = all_aligned(kVectorBytes, x.data, y.data);
    over_elements<kPackOf<X, Y>>(x.shape[0], aligned, Add<X, Y>{x.data, y.data}, stream);
}

template <class T>
void scale(View<T, 1> x, float factor, Stream stream) {
    over_elements<kPackOf<T, T>>(
        x.shape[0], all_aligned(kVectorBytes, x.data), Scale<T>{x.data, factor}, stream
    );
}

template <class T>
void fill(View<T, 1> x, float value, Stream stream) {
    over_elements<kPackOf<T, T>>(
        x.shape[0], all_aligned(kVectorBytes, x.data), Fill<T>{x.data, value}, stream
    );
}

template <class T>
void add_bias(View<T, 2> x, View<T const, 1> bias, Stream stream) {
    over_rows<kPackOf<T, T>>(
        x.shape[0], x.shape[1], all_aligned(kVectorBytes, x.data, bias.data),
        AddBias<T>{x.data, bias.data, x.shape[1]}, stream
    );
}

template <class T>
void sum_columns(View<T const, 2> dy, View<float, 1> dbias, Stream stream) {
    auto const [rows, width] = dy.shape;
    if (dy.size() == 0) {
        return;
    }
    std::int64_t const rows_per_sum = ceil_div(rows, kMostPartialSums);
    std::int64_t const sums = ceil_div(rows, rows_per_sum);
    auto& queue = queue_of(stream);
    float* const partial = queue.scratch_of<float>(sums * width);
    with_pack_size<kPackOf<T, T>>(
        all_aligned(kVectorBytes, dy.data), width,
        [&, rows = rows, width = width](auto pack) {
            constexpr int n = decltype(pack)::value;
            dim3 const grid(
                static_cast<unsigned>(sums),
                static_cast<unsigned>(ceil_div(width, std::int64_t{kThreads} * n))
            );
            sum_columns_kernel<T, n>
                <<<grid, kThreads, 0, queue.get()>>>(dy.data, rows, width, rows_per_sum, partial);
            ISOGLOSS_CUDA(cudaGetLastError());
        }
    );
    add_partial_sums(partial, sums, width, dbias.data, stream);
}

double sum_of_squares(View<float const, 1> x, Stream stream) {
    auto& queue = queue_of(stream);
    auto* const partial = queue.scratch_of<double>(kMostSquareBlocks + 1);
    auto* const sum = partial + kMostSquareBlocks;
    add_squares(x, Write::replace, partial, sum, queue.get());
    double total = 0.0;
    copy_to_host(&total, sum, sizeof total, stream);
    return total;
}

void sum_of_squares(View<float const, 1> x, Write write, View<double, 1> sum, Stream stream) {
    auto& queue = queue_of(stream);
    auto* const partial = queue.scratch_of<double>(kMostSquareBlocks);
    add_squares(x, write, partial, sum.data, queue.get());
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

}  // namespace isogloss::cuda

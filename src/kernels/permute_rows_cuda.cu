// kernels/permute_rows_cuda.cu
#include "kernels/backend.h"
#include "kernels/cuda_parts.h"

namespace isogloss::cuda {
namespace {

template <class T>
struct Gather {
    T const* x;
    std::int32_t const* index;
    T* y;
    std::int64_t width;

    template <int n>
    __device__ void at(std::int64_t row, std::int64_t d) const {
        *reinterpret_cast<Pack<T, n>*>(y + row * width + d) =
            *reinterpret_cast<Pack<T, n> const*>(x + index[row] * width + d);
    }
};

template <class T>
struct GatherScaled {
    T const* x;
    std::int32_t const* index;
    float const* weight;
    T* y;
    std::int64_t width;

    template <int n>
    __device__ void at(std::int64_t row, std::int64_t d) const {
        float value[n];
        load(x + index[row] * width + d, value);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            value[j] *= weight[row];
        }
        store(value, y + row * width + d);
    }
};

template <class T>
struct SumRows {
    T const* x;
    std::int32_t const* begin;
    std::int32_t const* index;
    float const* weight;
    T* y;
    std::int64_t width;

    template <int n>
    __device__ void at(std::int64_t row, std::int64_t d) const {
        float total[n] = {};
        std::int32_t const end = begin[row + 1];
        for (std::int32_t m = begin[row]; m < end; ++m) {
            float value[n];
            load(x + index[m] * width + d, value);
            float const factor = weight == nullptr ? 1.0F : weight[m];
#pragma unroll
            for (int j = 0; j < n; ++j) {
                total[j] += factor * value[j];
            }
        }
        store(total, y + row * width + d);
    }
};

/// A warp a row.
template <class T, int n>
__global__ void __launch_bounds__(kThreads) row_dots_kernel(
    T const* a, std::int32_t const* a_index, T const* b, float* dot, std::int64_t rows, int width
) {
    std::int64_t const row =
        (static_cast<std::int64_t>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x)) / kWarp;
    if (row >= rows) {
        return;
    }
    T const* const left = a + std::int64_t{a_index[row]} * width;
    T const* const right = b + row * width;
    int const lane = static_cast<int>(threadIdx.x) % kWarp;
    float sum = 0.0F;
    for (int d = lane * n; d < width; d += kWarp * n) {
        float l[n];
        float r[n];
        load(left + d, l);
        load(right + d, r);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            sum += l[j] * r[j];
        }
    }
    sum = warp_sum(sum);
    if (lane == 0) {
        dot[row] = sum;
    }
}

}  // namespace

template <class T>
void gather_rows(
    View<T const, 2> x, View<std::int32_t const, 1> index, View<T, 2> y, Stream stream
) {
    Gather<T> const gather{x.data, index.data, y.data, x.shape[1]};
    over_rows<kVectorBytes / sizeof(T)>(
        y.shape[0], y.shape[1], all_aligned(kVectorBytes, x.data, y.data), gather, stream
    );
}

template <class T>
void gather_scaled_rows(
    View<T const, 2> x,
    View<std::int32_t const, 1> index,
    View<float const, 1> weight,
    View<T, 2> y,
    Stream stream
) {
    GatherScaled<T> const gather{x.data, index.data, weight.data, y.data, x.shape[1]};
    over_rows<kVectorBytes / sizeof(T)>(
        y.shape[0], y.shape[1], all_aligned(kVectorBytes, x.data, y.data), gather, stream
    );
}

template <class T>
void sum_rows(
    View<T const, 2> x,
    View<std::int32_t const, 1> begin,
    View<std::int32_t const, 1> index,
    View<float const, 1> weight,
    View<T, 2> y,
    Stream stream
) {
    SumRows<T> const sum{x.data, begin.data, index.data, weight.data, y.data, x.shape[1]};
    over_rows<kVectorBytes / sizeof(T)>(
        y.shape[0], y.shape[1], all_aligned(kVectorBytes, x.data, y.data), sum, stream
    );
}

template <class T>
void row_dots(
    View<T const, 2> a,
    View<std::int32_t const, 1> a_index,
    View<T const, 2> b,
    View<float, 1> dot,
    Stream stream
) {
    std::int64_t const rows = b.shape[0];
    std::int64_t const width = b.shape[1];
    if (rows == 0) {
        return;
    }
    with_pack_size<kVectorBytes / sizeof(T)>(
        all_aligned(kVectorBytes, a.data, b.data), width,
        [&](auto pack) {
            auto const blocks = static_cast<unsigned>(ceil_div(rows, kThreads / kWarp));
            row_dots_kernel<T, decltype(pack)::value>
                <<<blocks, kThreads, 0, queue_of(stream).get()>>>(
                    a.data, a_index.data, b.data, dot.data, rows, static_cast<int>(width)
                );
            ISOGLOSS_CUDA(cudaGetLastError());
        }
    );
}

template decltype(gather_rows<float>) gather_rows<float>;
template decltype(gather_rows<bf16>) gather_rows<bf16>;
template decltype(gather_scaled_rows<float>) gather_scaled_rows<float>;
template decltype(gather_scaled_rows<bf16>) gather_scaled_rows<bf16>;
template decltype(sum_rows<float>) sum_rows<float>;
template decltype(sum_rows<bf16>) sum_rows<bf16>;
template decltype(row_dots<float>) row_dots<float>;
template decltype(row_dots<bf16>) row_dots<bf16>;

}  // namespace isogloss::cuda

// kernels/rms_norm_cuda.cu
#include "kernels/backend.h"
#include "kernels/cuda_column_sums.h"
#include "kernels/cuda_parts.h"

namespace isogloss::cuda {
namespace {

/// A block a row: the sum of squares, then the row again, which lies in the cache by then. With a
/// delta, x += delta first; a thread reads back only what it wrote itself.
template <class T, int n>
__global__ void __launch_bounds__(kThreads) rms_norm_kernel(
    T* sum_out,
    T const* x,
    T const* delta,
    T const* gain,
    float offset,
    float epsilon,
    int width,
    T* y,
    float* inverse
) {
    std::int64_t const start = static_cast<std::int64_t>(blockIdx.x) * width;
    T const* const row = x + start;
    int const stride = static_cast<int>(blockDim.x) * n;
    int const first = static_cast<int>(threadIdx.x) * n;
    float sum = 0.0F;
    for (int d = first; d < width; d += stride) {
        float value[n];
        load(row + d, value);
        if (delta != nullptr) {
            float change[n];
            load(delta + start + d, change);
#pragma unroll
            for (int j = 0; j < n; ++j) {
                value[j] = widen(narrow<T>(value[j] + change[j]));
            }
            store(value, sum_out + start + d);
        }
#pragma unroll
        for (int j = 0; j < n; ++j) {
            sum += value[j] * value[j];
        }
    }
    float const scale = 1.0F / sqrtf(block_sum(sum) / static_cast<float>(width) + epsilon);
    if (threadIdx.x == 0) {
        inverse[blockIdx.x] = scale;
    }
    for (int d = first; d < width; d += stride) {
        float value[n];
        float g[n];
        load(row + d, value);
        load(gain + d, g);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            value[j] = (offset + g[j]) * value[j] * scale;
        }
        store(value, y + start + d);
    }
}

template <class T>
void run_forward(
    T* sum_out,
    View<T const, 2> x,
    T const* delta,
    NormGain<T> const& gain,
    float epsilon,
    View<T, 2> y,
    View<float, 1> inverse,
    Stream stream
) {
    auto const [rows, width] = x.shape;
    if (rows == 0) {
        return;
    }
    with_pack_size<kVectorBytes / sizeof(T)>(
        all_aligned(kVectorBytes, x.data, delta, gain.weight.data, y.data), width,
        [&, rows = rows, width = width](auto pack) {
            constexpr int n = decltype(pack)::value;
            auto const threads = std::min<std::int64_t>(kThreads, round_up(width / n, kWarp));
            rms_norm_kernel<T, n>
                <<<static_cast<unsigned>(rows), static_cast<unsigned>(threads), 0,
                   queue_of(stream).get()>>>(
                    sum_out, x.data, delta, gain.weight.data, gain.offset, epsilon,
                    static_cast<int>(width), y.data, inverse.data
                );
            ISOGLOSS_CUDA(cudaGetLastError());
        }
    );
}

/// What the backward kernel reads and writes.
template <class T>
struct BackwardRows {
    T const* dy;
    T const* x;
    T const* gain;
    float offset;
    float const* inverse;
    T* dx;
    float* partial;  ///< [blocks, D], or null for a frozen gain
    std::int64_t rows;
    int width;
};

/// Each block takes every gridDim.x-th row and sums dgain over them in shared memory, a thread its
/// own columns, rows ascending.
template <class T, int n>
__global__ void __launch_bounds__(kThreads) rms_norm_backward_kernel(BackwardRows<T> all) {
    extern __shared__ float dgain[];
    int const stride = static_cast<int>(blockDim.x) * n;
    int const first = static_cast<int>(threadIdx.x) * n;
    for (int d = first; all.partial != nullptr && d < all.width; d += stride) {
#pragma unroll
        for (int j = 0; j < n; ++j) {
            dgain[d + j] = 0.0F;
        }
    }
    for (std::int64_t row = blockIdx.x; row < all.rows; row += gridDim.x) {
        std::int64_t const start = row * all.width;
        float const scale = all.inverse[row];
        float dot = 0.0F;
        for (int d = first; d < all.width; d += stride) {
            float slope[n];
            float value[n];
            float g[n];
            load(all.dy + start + d, slope);
            load(all.x + start + d, value);
            load(all.gain + d, g);
#pragma unroll
            for (int j = 0; j < n; ++j) {
                dot += (all.offset + g[j]) * slope[j] * value[j];
            }
        }
        float const along = scale * scale * scale * block_sum(dot) / static_cast<float>(all.width);
        for (int d = first; d < all.width; d += stride) {
            float slope[n];
            float value[n];
            float g[n];
            float gradient[n];
            load(all.dy + start + d, slope);
            load(all.x + start + d, value);
            load(all.gain + d, g);
            load(all.dx + start + d, gradient);
#pragma unroll
            for (int j = 0; j < n; ++j) {
                gradient[j] += scale * (all.offset + g[j]) * slope[j] - along * value[j];
                if (all.partial != nullptr) {
                    dgain[d + j] += slope[j] * value[j] * scale;
                }
            }
            store(gradient, all.dx + start + d);
        }
    }
    for (int d = first; all.partial != nullptr && d < all.width; d += stride) {
#pragma unroll
        for (int j = 0; j < n; ++j) {
            all.partial[static_cast<std::int64_t>(blockIdx.x) * all.width + d + j] = dgain[d + j];
        }
    }
}

template <class T, int n>
void launch_backward(BackwardRows<T> const& all, std::int64_t blocks, Stream stream) {
    auto const sums = all.partial == nullptr ? 0 : all.width;
    launch_row_blocks(rms_norm_backward_kernel<T, n>, all, blocks, all.width / n, sums, stream);
}

}  // namespace

template <class T>
void rms_norm(
    View<T const, 2> x,
    NormGain<T> const& gain,
    float epsilon,
    View<T, 2> y,
    View<float, 1> inverse,
    Stream stream
) {
    run_forward<T>(nullptr, x, nullptr, gain, epsilon, y, inverse, stream);
}

template <class T>
void add_rms_norm(
    View<T, 2> x,
    View<T const, 2> delta,
    NormGain<T> const& gain,
    float epsilon,
    View<T, 2> y,
    View<float, 1> inverse,
    Stream stream
) {
    run_forward<T>(x.data, x, delta.data, gain, epsilon, y, inverse, stream);
}

template <class T>
void rms_norm_backward(
    View<T const, 2> dy,
    View<T const, 2> x,
    NormGain<T> const& gain,
    View<float const, 1> inverse,
    View<T, 2> dx,
    View<float, 1> dgain,
    Stream stream
) {
    auto const [rows, width] = x.shape;
    if (rows == 0 || width == 0) {
        return;
    }
    bool const frozen = dgain.data == nullptr;
    std::int64_t const blocks = frozen ? rows : std::min(rows, kMostPartialSums);
    float* const partial = frozen ? nullptr : queue_of(stream).scratch_of<float>(blocks * width);
    BackwardRows<T> const all{dy.data,     x.data,       gain.weight.data,
                              gain.offset, inverse.data, dx.data,
                              partial,     rows,         static_cast<int>(width)};
    with_pack_size<kVectorBytes / sizeof(T)>(
        all_aligned(kVectorBytes, dy.data, x.data, gain.weight.data, dx.data), width,
        [&](auto pack) { launch_backward<T, decltype(pack)::value>(all, blocks, stream); }
    );
    if (!frozen) {
        add_partial_sums(partial, blocks, width, dgain.data, stream);
    }
}

template decltype(rms_norm<float>) rms_norm<float>;
template decltype(rms_norm<bf16>) rms_norm<bf16>;
template decltype(add_rms_norm<float>) add_rms_norm<float>;
template decltype(add_rms_norm<bf16>) add_rms_norm<bf16>;
template decltype(rms_norm_backward<float>) rms_norm_backward<float>;
template decltype(rms_norm_backward<bf16>) rms_norm_backward<bf16>;

}  // namespace isogloss::cuda

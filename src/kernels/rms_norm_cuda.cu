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

/// Elements [d, d + n) of a row, as a thread holds them.
template <class T, int n>
struct RowPiece {
    static constexpr auto kSize = static_cast<std::size_t>(n);

    float slope[kSize];
    float value[kSize];
    float gain[kSize];
    float gradient[kSize];

    __device__ void read(BackwardRows<T> const& all, std::int64_t start, int d) {
        load(all.dy + start + d, slope);
        load(all.x + start + d, value);
        load(all.gain + d, gain);
        load(all.dx + start + d, gradient);
    }
    [[nodiscard]] __device__ float dot(float offset) const {
        float sum = 0.0F;
#pragma unroll
        for (int j = 0; j < n; ++j) {
            sum += (offset + gain[j]) * slope[j] * value[j];
        }
        return sum;
    }
    __device__ void write(
        BackwardRows<T> const& all, std::int64_t start, int d, float scale, float along
    ) {
#pragma unroll
        for (int j = 0; j < n; ++j) {
            gradient[j] += scale * (all.offset + gain[j]) * slope[j] - along * value[j];
        }
        store(gradient, all.dx + start + d);
    }
    __device__ void add_to(float* dgain, float scale) const {
#pragma unroll
        for (int j = 0; j < n; ++j) {
            dgain[j] += slope[j] * value[j] * scale;
        }
    }
};

/// Each block takes every gridDim.x-th row and sums dgain over them in shared memory, a thread its
/// own columns, rows ascending.
template <class T, int n>
__global__ void __launch_bounds__(kThreads) rms_norm_backward_kernel(BackwardRows<T> all) {
    extern __shared__ float dgain[];
    int const stride = static_cast<int>(blockDim.x) * n;
    int const first = static_cast<int>(threadIdx.x) * n;
    bool const has_one_piece = all.width <= stride;  // and keeps it
    for (int d = first; all.partial != nullptr && d < all.width; d += stride) {
#pragma unroll
        for (int j = 0; j < n; ++j) {
            dgain[d + j] = 0.0F;
        }
    }
    for (std::int64_t row = blockIdx.x; row < all.rows; row += gridDim.x) {
        std::int64_t const start = row * all.width;
        float const scale = all.inverse[row];
        RowPiece<T, n> piece;
        float dot = 0.0F;
        for (int d = first; d < all.width; d += stride) {
            piece.read(all, start, d);
            dot += piece.dot(all.offset);
        }
        float const along = scale * scale * scale * block_sum(dot) / static_cast<float>(all.width);
        for (int d = first; d < all.width; d += stride) {
            if (!has_one_piece) {
                piece.read(all, start, d);
            }
            piece.write(all, start, d, scale, along);
            if (all.partial != nullptr) {
                piece.add_to(dgain + d, scale);
            }
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

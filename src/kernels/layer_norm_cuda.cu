// kernels/layer_norm_cuda.cu
#include "kernels/backend.h"
#include "kernels/cuda_column_sums.h"
#include "kernels/cuda_parts.h"

namespace isogloss::cuda {
namespace {

/// What the forward kernel reads and writes.
template <class T>
struct ForwardRows {
    T* sum_out;  ///< x + delta
    T const* x;
    T const* delta;  ///< or null
    T const* gain;
    T const* bias;
    float epsilon;
    int width;
    T* y;
    float* mean;
    float* inverse;
};

/// A block a row: the sum, the squares of the differences from the mean, then the row again, which
/// lies in the cache by then. A thread reads back only what it wrote itself.
template <class T, int n>
__global__ void __launch_bounds__(kThreads) layer_norm_kernel(ForwardRows<T> all) {
    std::int64_t const start = static_cast<std::int64_t>(blockIdx.x) * all.width;
    T const* const row = all.delta == nullptr ? all.x + start : all.sum_out + start;
    int const stride = static_cast<int>(blockDim.x) * n;
    int const first = static_cast<int>(threadIdx.x) * n;
    float sum = 0.0F;
    for (int d = first; d < all.width; d += stride) {
        float value[n];
        load(all.x + start + d, value);
        if (all.delta != nullptr) {
            float change[n];
            load(all.delta + start + d, change);
#pragma unroll
            for (int j = 0; j < n; ++j) {
                value[j] = widen(narrow<T>(value[j] + change[j]));
            }
            store(value, all.sum_out + start + d);
        }
#pragma unroll
        for (int j = 0; j < n; ++j) {
            sum += value[j];
        }
    }
    float const mean = block_sum(sum) / static_cast<float>(all.width);
    float squares = 0.0F;
    for (int d = first; d < all.width; d += stride) {
        float value[n];
        load(row + d, value);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            squares += (value[j] - mean) * (value[j] - mean);
        }
    }
    float const scale =
        1.0F / sqrtf(block_sum(squares) / static_cast<float>(all.width) + all.epsilon);
    if (threadIdx.x == 0) {
        all.mean[blockIdx.x] = mean;
        all.inverse[blockIdx.x] = scale;
    }
    for (int d = first; d < all.width; d += stride) {
        float value[n];
        float g[n];
        float b[n];
        load(row + d, value);
        load(all.gain + d, g);
        load(all.bias + d, b);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            value[j] = g[j] * ((value[j] - mean) * scale) + b[j];
        }
        store(value, all.y + start + d);
    }
}

template <class T>
void run_forward(ForwardRows<T> const& all, std::int64_t rows, Stream stream) {
    if (rows == 0) {
        return;
    }
    with_pack_size<kVectorBytes / sizeof(T)>(
        all_aligned(kVectorBytes, all.x, all.delta, all.gain, all.bias, all.y), all.width,
        [&](auto pack) {
            constexpr int n = decltype(pack)::value;
            auto const threads = std::min<std::int64_t>(kThreads, round_up(all.width / n, kWarp));
            layer_norm_kernel<T, n>
                <<<static_cast<unsigned>(rows), static_cast<unsigned>(threads), 0,
                   queue_of(stream).get()>>>(all);
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
    float const* mean;
    float const* inverse;
    T* dx;
    float* dgain;  ///< partial sums [blocks, D], or null for frozen weights
    float* dbias;  ///< partial sums [blocks, D]
    std::int64_t rows;
    int width;
};

/// Adds to dx of one row and, unless they are null, to the block's sums of the weights.
template <class T, int n>
__device__ void add_row_gradient(BackwardRows<T> const& all, std::int64_t row, float* sums) {
    std::int64_t const start = row * all.width;
    int const stride = static_cast<int>(blockDim.x) * n;
    int const first = static_cast<int>(threadIdx.x) * n;
    float const mean = all.mean[row];
    float const scale = all.inverse[row];
    float sum = 0.0F;
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
            sum += g[j] * slope[j];
            dot += g[j] * slope[j] * (value[j] - mean) * scale;
        }
    }
    float const level = block_sum(sum) / static_cast<float>(all.width);
    float const along = block_sum(dot) / static_cast<float>(all.width);
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
            float const unit = (value[j] - mean) * scale;
            gradient[j] += scale * (g[j] * slope[j] - level - unit * along);
            if (sums != nullptr) {
                sums[d + j] += slope[j] * unit;
                sums[all.width + d + j] += slope[j];
            }
        }
        store(gradient, all.dx + start + d);
    }
}

/// Each block takes every gridDim.x-th row and sums the weights' gradients over them in shared
/// memory, a thread its own columns, rows ascending.
template <class T, int n>
__global__ void __launch_bounds__(kThreads) layer_norm_backward_kernel(BackwardRows<T> all) {
    extern __shared__ float sums[];
    bool const trains = all.dgain != nullptr;
    int const stride = static_cast<int>(blockDim.x) * n;
    int const first = static_cast<int>(threadIdx.x) * n;
    for (int d = first; trains && d < all.width; d += stride) {
#pragma unroll
        for (int j = 0; j < n; ++j) {
            sums[d + j] = 0.0F;
            sums[all.width + d + j] = 0.0F;
        }
    }
    for (std::int64_t row = blockIdx.x; row < all.rows; row += gridDim.x) {
        add_row_gradient<T, n>(all, row, trains ? sums : nullptr);
    }
    std::int64_t const own = static_cast<std::int64_t>(blockIdx.x) * all.width;
    for (int d = first; trains && d < all.width; d += stride) {
#pragma unroll
        for (int j = 0; j < n; ++j) {
            all.dgain[own + d + j] = sums[d + j];
            all.dbias[own + d + j] = sums[all.width + d + j];
        }
    }
}

template <class T, int n>
void launch_backward(BackwardRows<T> const& all, std::int64_t blocks, Stream stream) {
    auto const sums = all.dgain == nullptr ? 0 : 2 * all.width;
    launch_row_blocks(layer_norm_backward_kernel<T, n>, all, blocks, all.width / n, sums, stream);
}

}  // namespace

template <class T>
void layer_norm(
    View<T const, 2> x,
    LayerNormWeights<T> const& weights,
    float epsilon,
    View<T, 2> y,
    LayerMoments const& moments,
    Stream stream
) {
    run_forward<T>(
        {nullptr, x.data, nullptr, weights.gain.data, weights.bias.data, epsilon,
         static_cast<int>(x.shape[1]), y.data, moments.mean.data, moments.inverse.data},
        x.shape[0], stream
    );
}

template <class T>
void add_layer_norm(
    View<T, 2> x,
    View<T const, 2> delta,
    LayerNormWeights<T> const& weights,
    float epsilon,
    View<T, 2> y,
    LayerMoments const& moments,
    Stream stream
) {
    run_forward<T>(
        {x.data, x.data, delta.data, weights.gain.data, weights.bias.data, epsilon,
         static_cast<int>(x.shape[1]), y.data, moments.mean.data, moments.inverse.data},
        x.shape[0], stream
    );
}

template <class T>
void layer_norm_backward(
    View<T const, 2> dy,
    View<T const, 2> x,
    LayerNormWeights<T> const& weights,
    LayerMoments const& moments,
    View<T, 2> dx,
    LayerNormGradients const& gradients,
    Stream stream
) {
    auto const [rows, width] = x.shape;
    if (rows == 0 || width == 0) {
        return;
    }
    bool const frozen = gradients.gain.data == nullptr;
    std::int64_t const blocks = frozen ? rows : std::min(rows, kMostPartialSums);
    float* const partial =
        frozen ? nullptr : queue_of(stream).scratch_of<float>(2 * blocks * width);
    float* const partial_bias = frozen ? nullptr : partial + blocks * width;
    BackwardRows<T> const all{
        dy.data,
        x.data,
        weights.gain.data,
        moments.mean.data,
        moments.inverse.data,
        dx.data,
        partial,
        partial_bias,
        rows,
        static_cast<int>(width)};
    with_pack_size<kVectorBytes / sizeof(T)>(
        all_aligned(kVectorBytes, dy.data, x.data, weights.gain.data, dx.data), width,
        [&](auto pack) { launch_backward<T, decltype(pack)::value>(all, blocks, stream); }
    );
    if (!frozen) {
        add_partial_sums(partial, blocks, width, gradients.gain.data, stream);
        add_partial_sums(partial_bias, blocks, width, gradients.bias.data, stream);
    }
}

template decltype(layer_norm<float>) layer_norm<float>;
template decltype(layer_norm<bf16>) layer_norm<bf16>;
template decltype(add_layer_norm<float>) add_layer_norm<float>;
template decltype(add_layer_norm<bf16>) add_layer_norm<bf16>;
template decltype(layer_norm_backward<float>) layer_norm_backward<float>;
template decltype(layer_norm_backward<bf16>) layer_norm_backward<bf16>;

}  // namespace isogloss::cuda

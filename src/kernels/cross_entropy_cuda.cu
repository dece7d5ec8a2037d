// kernels/cross_entropy_cuda.cu
#include "kernels/backend.h"
#include "kernels/cross_entropy.h"
#include "kernels/cuda_parts.h"

namespace isogloss::cuda {
namespace {

constexpr int kRowThreads = 1024;

/// Sum of e^(logit - largest) of the logits seen so far.
struct RunningSum {
    float largest = -INFINITY;
    float sum = 0.0F;

    template <std::size_t n>
    __device__ void add(float const (&logit)[n]) {
        float const before = largest;
        float next = largest;
#pragma unroll
        for (std::size_t j = 0; j < n; ++j) {
            next = fmaxf(next, logit[j]);
        }
        largest = next;
        // While all are -inf, 0 stands in: e^(-inf + inf) is no number. NaN goes into the sum.
        float const base = next == -INFINITY ? 0.0F : next;
        sum *= expf(before - base);
#pragma unroll
        for (std::size_t j = 0; j < n; ++j) {
            sum += expf(logit[j] - base);
        }
    }
};

/// The block's sum, to all its threads.
__device__ RunningSum of_block(RunningSum own) {
    __shared__ float largest_of_warp[kWarp];
    int const warp = static_cast<int>(threadIdx.x) / kWarp;
    int const lane = static_cast<int>(threadIdx.x) % kWarp;
    float const most = warp_max(own.largest);
    if (lane == 0) {
        largest_of_warp[warp] = most;
    }
    __syncthreads();
    float const largest =
        warp_max(lane < static_cast<int>(blockDim.x) / kWarp ? largest_of_warp[lane] : -INFINITY);
    float const sum = own.largest == -INFINITY ? own.sum : own.sum * expf(own.largest - largest);
    return {largest, block_sum(sum)};
}

/// A block a row. With `gradient` the row is replaced by its gradient: as much of it as fits waits
/// in shared memory for the second pass, the rest in the L2 cache.
template <class T, int n>
__global__ void __launch_bounds__(kRowThreads, 1) cross_entropy_kernel(
    T const* logits,
    std::int32_t const* target,
    std::int64_t size,
    float* loss,
    T* gradient,
    float scale,
    int kept
) {
    extern __shared__ __align__(kVectorBytes) unsigned char shared[];
    auto* const keep = reinterpret_cast<T*>(shared);
    T const* const row = logits + blockIdx.x * size;
    int const stride = static_cast<int>(blockDim.x) * n;
    int const first = static_cast<int>(threadIdx.x) * n;
    std::int64_t const id = target[blockIdx.x];
    bool const counts = id != kIgnoredTarget;
    if (counts && (id < 0 || id >= size)) {
        __trap();
    }
    if (!counts && gradient == nullptr) {
        if (threadIdx.x == 0) {
            loss[blockIdx.x] = 0.0F;
        }
        return;
    }
    float const at_target = counts ? widen(row[id]) : 0.0F;
    RunningSum running;
    for (std::int64_t v = first; counts && v < size; v += stride) {
        auto const pack = *reinterpret_cast<Pack<T, n> const*>(row + v);
        if (v < kept) {
            *reinterpret_cast<Pack<T, n>*>(keep + v) = pack;
        }
        float logit[n];
#pragma unroll
        for (int j = 0; j < n; ++j) {
            logit[j] = widen(pack.value[j]);
        }
        running.add(logit);
    }
    auto const [largest, sum] = of_block(running);  // all of the row is read when this returns
    if (threadIdx.x == 0) {
        loss[blockIdx.x] = counts ? logf(sum) + largest - at_target : 0.0F;
    }
    if (gradient == nullptr) {
        return;
    }
    float const factor = scale / sum;
    T* const slope = gradient + blockIdx.x * size;
    for (std::int64_t v = first; v < size; v += stride) {
        float value[n];
        load(v < kept ? keep + v : row + v, value);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            value[j] = counts ? expf(value[j] - largest) * factor : 0.0F;
            value[j] -= v + j == id ? scale : 0.0F;
        }
        store(value, slope + v);
    }
}

/// Most shared memory a block may have.
int most_shared_bytes() {
    int device = 0;
    int bytes = 0;
    ISOGLOSS_CUDA(cudaGetDevice(&device));
    ISOGLOSS_CUDA(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
    return bytes;
}

template <class T>
void run(
    View<T const, 2> logits,
    View<std::int32_t const, 1> target,
    View<float, 1> loss,
    T* gradient,
    float scale,
    Stream stream
) {
    auto const [rows, size] = logits.shape;
    if (rows == 0) {
        return;
    }
    with_pack_size<kVectorBytes / sizeof(T)>(
        all_aligned(kVectorBytes, logits.data), size,
        [&, rows = rows, size = size](auto pack) {
            constexpr int n = decltype(pack)::value;
            constexpr std::int64_t kStatic = 1024;  // of block_sum and of_block
            std::int64_t const room = (most_shared_bytes() - kStatic) / kVectorBytes * kVectorBytes;
            std::int64_t const bytes =
                gradient == nullptr ? 0
                                    : std::min(room, size * static_cast<std::int64_t>(sizeof(T)));
            auto const kernel = cross_entropy_kernel<T, n>;
            ISOGLOSS_CUDA(cudaFuncSetAttribute(
                kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)
            ));
            auto const threads =
                std::min<std::int64_t>(kRowThreads, round_up(ceil_div(size, n), kWarp));
            kernel<<<
                static_cast<unsigned>(rows), static_cast<unsigned>(threads),
                static_cast<std::size_t>(bytes), queue_of(stream).get()>>>(
                logits.data, target.data, size, loss.data, gradient, scale,
                static_cast<int>(bytes / static_cast<std::int64_t>(sizeof(T)))
            );
            ISOGLOSS_CUDA(cudaGetLastError());
        }
    );
}

}  // namespace

template <class T>
void cross_entropy(
    View<T const, 2> logits, View<std::int32_t const, 1> target, View<float, 1> loss, Stream stream
) {
    run<T>(logits, target, loss, nullptr, 0.0F, stream);
}

template <class T>
void cross_entropy_with_gradient(
    View<T, 2> logits,
    View<std::int32_t const, 1> target,
    float scale,
    View<float, 1> loss,
    Stream stream
) {
    run<T>(logits, target, loss, logits.data, scale, stream);
}

template decltype(cross_entropy<float>) cross_entropy<float>;
template decltype(cross_entropy<bf16>) cross_entropy<bf16>;
template decltype(cross_entropy_with_gradient<float>) cross_entropy_with_gradient<float>;
template decltype(cross_entropy_with_gradient<bf16>) cross_entropy_with_gradient<bf16>;

}  // namespace isogloss::cuda

// kernels/cuda_parts.h - loads, stores, sums and launches that the CUDA kernels share. For .cu
// files only.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/math.h"
#include "device/bf16.h"
#include "device/cuda_check.h"
#include "device/cuda_queue.h"

namespace isogloss::cuda {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xFFFFFFFFU;
/// Threads of a block where nothing speaks for another number.
constexpr int kThreads = 256;
/// What one load or store of a thread moves at best.
constexpr int kVectorBytes = 16;

__device__ inline float widen(float x) {
    return x;
}
__device__ inline float widen(bf16 x) {
    return __uint_as_float(static_cast<unsigned>(x.bits) << 16U);
}

/// Rounds to nearest even.
template <class T>
__device__ T narrow(float x);
template <>
__device__ inline float narrow<float>(float x) {
    return x;
}
template <>
__device__ inline bf16 narrow<bf16>(float x) {
    return {__bfloat16_as_ushort(__float2bfloat16_rn(x))};
}

/// Elements that are moved by one instruction.
template <class T, std::size_t size>
struct alignas(sizeof(T) * size) Pack {
    T value[size];
};

template <class T, std::size_t size>
__device__ void load(T const* from, float (&to)[size]) {
    auto const pack = *reinterpret_cast<Pack<T, size> const*>(from);
#pragma unroll
    for (std::size_t i = 0; i < size; ++i) {
        to[i] = widen(pack.value[i]);
    }
}

template <class T, std::size_t size>
__device__ void store(float const (&from)[size], T* to) {
    Pack<T, size> pack;
#pragma unroll
    for (std::size_t i = 0; i < size; ++i) {
        pack.value[i] = narrow<T>(from[i]);
    }
    *reinterpret_cast<Pack<T, size>*>(to) = pack;
}

/// Sum over the lanes of a warp, to all of them; always the same tree.
template <class T>
__device__ T warp_sum(T x) {
#pragma unroll
    for (int distance = kWarp / 2; distance > 0; distance /= 2) {
        x += __shfl_xor_sync(kAllLanes, x, distance);
    }
    return x;
}

__device__ inline float warp_max(float x) {
#pragma unroll
    for (int distance = kWarp / 2; distance > 0; distance /= 2) {
        x = fmaxf(x, __shfl_xor_sync(kAllLanes, x, distance));
    }
    return x;
}

/// Sum over a block of whole warps, to all threads; always the same tree. Every thread must call
/// it.
template <class T>
__device__ T block_sum(T x) {
    __shared__ T partial[kWarp];
    x = warp_sum(x);
    int const warp = static_cast<int>(threadIdx.x) / kWarp;
    int const lane = static_cast<int>(threadIdx.x) % kWarp;
    if (lane == 0) {
        partial[warp] = x;
    }
    __syncthreads();
    x = warp_sum(lane < static_cast<int>(blockDim.x) / kWarp ? partial[lane] : T{0});
    __syncthreads();  // the next call writes partial again
    return x;
}

/// Starts a kernel whose blocks take one row after another, a thread some of its packs, and keep
/// `sums` floats in shared memory: more than 48 KiB of those a kernel has to ask for.
template <class Argument>
void launch_row_blocks(
    void (*kernel)(Argument),
    Argument const& argument,
    std::int64_t blocks,
    std::int64_t packs_a_row,
    std::int64_t sums,
    Stream stream
) {
    auto const threads = std::min<std::int64_t>(kThreads, round_up(packs_a_row, kWarp));
    auto const shared = static_cast<int>(sizeof(float)) * static_cast<int>(sums);
    constexpr int kWithoutAsking = 48 << 10;
    if (shared > kWithoutAsking) {
        ISOGLOSS_CUDA(
            cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared)
        );
    }
    kernel<<<
        static_cast<unsigned>(blocks), static_cast<unsigned>(threads),
        static_cast<std::size_t>(shared), queue_of(stream).get()>>>(argument);
    ISOGLOSS_CUDA(cudaGetLastError());
}

/// Whether packs of `bytes` may be read at all these addresses.
template <class... Pointers>
bool all_aligned(std::int64_t bytes, Pointers const*... pointers) {
    return (
        (reinterpret_cast<std::uintptr_t>(pointers) % static_cast<std::uintptr_t>(bytes) == 0) &&
        ...
    );
}

template <int size>
struct PackSize {
    static constexpr int value = size;
};

/// Calls launch(PackSize<n>) with n = `most` where rows of `width` elements are whole packs at
/// aligned addresses, else with n = 1.
template <int most, class Launch>
void with_pack_size(bool aligned, std::int64_t width, Launch const& launch) {
    if (aligned && width % most == 0) {
        launch(PackSize<most>{});
    } else {
        launch(PackSize<1>{});
    }
}

template <int pack, class Body>
__global__ void __launch_bounds__(kThreads) over_elements_kernel(std::int64_t size, Body body) {
    std::int64_t const i =
        (static_cast<std::int64_t>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x)) * pack;
    if (i + pack <= size) {
        body.template at<pack>(i);
        return;
    }
    for (std::int64_t rest = i; rest < size; ++rest) {
        body.template at<1>(rest);
    }
}

/// body.at<n>(i) does elements [i, i + n) for all i in [0, size), n being `most` where `aligned`.
template <int most, class Body>
void over_elements(std::int64_t size, bool aligned, Body const& body, Stream stream) {
    if (size == 0) {
        return;  // a grid of no blocks is an error to CUDA
    }
    with_pack_size<most>(aligned, 0, [&](auto pack) {
        constexpr int n = decltype(pack)::value;
        auto const blocks = static_cast<unsigned>(ceil_div(size, std::int64_t{kThreads} * n));
        over_elements_kernel<n><<<blocks, kThreads, 0, queue_of(stream).get()>>>(size, body);
        ISOGLOSS_CUDA(cudaGetLastError());
    });
}

constexpr int kMostThreads = 1024;  ///< of a block

template <int pack, class Body>
__global__ void __launch_bounds__(kMostThreads)
    over_elements_in_turn_kernel(std::int64_t size, Body body) {
    auto const step = static_cast<std::int64_t>(gridDim.x) * kMostThreads * pack;
    std::int64_t i =
        (static_cast<std::int64_t>(blockIdx.x) * kMostThreads + static_cast<int>(threadIdx.x)) *
        pack;
    for (; i + pack <= size; i += step) {
        body.template at<pack>(i);
    }
    for (std::int64_t rest = i; rest < size; ++rest) {
        body.template at<1>(rest);
    }
}

/// The same on the multiprocessors that the stream's queue may take.
template <int most, class Body>
void over_elements_of_share(std::int64_t size, bool aligned, Body const& body, Stream stream) {
    auto const& queue = queue_of(stream);
    if (queue.multiprocessors() == 0 || size == 0) {
        return over_elements<most>(size, aligned, body, stream);
    }
    with_pack_size<most>(aligned, 0, [&](auto pack) {
        constexpr int n = decltype(pack)::value;
        auto const needed = ceil_div(size, std::int64_t{kMostThreads} * n);
        auto const blocks = std::min<std::int64_t>(needed, queue.multiprocessors());
        over_elements_in_turn_kernel<n>
            <<<static_cast<unsigned>(blocks), kMostThreads, 0, queue.get()>>>(size, body);
        ISOGLOSS_CUDA(cudaGetLastError());
    });
}

template <int pack, class Body>
__global__ void __launch_bounds__(kThreads) over_rows_kernel(std::int64_t width, Body body) {
    std::int64_t const column =
        (static_cast<std::int64_t>(blockIdx.y) * blockDim.x + threadIdx.x) * pack;
    if (column < width) {
        body.template at<pack>(static_cast<std::int64_t>(blockIdx.x), column);
    }
}

/// body.at<n>(row, column) does columns [column, column + n) of a row, for all rows and columns, n
/// being `most` where `aligned` and the width is a multiple of it.
template <int most, class Body>
void over_rows(
    std::int64_t rows, std::int64_t width, bool aligned, Body const& body, Stream stream
) {
    if (rows == 0 || width == 0) {
        return;
    }
    with_pack_size<most>(aligned, width, [&](auto pack) {
        constexpr int n = decltype(pack)::value;
        std::int64_t const packs = width / n;
        auto const threads = std::min<std::int64_t>(kThreads, round_up(packs, kWarp));
        dim3 const grid(
            static_cast<unsigned>(rows), static_cast<unsigned>(ceil_div(packs, threads))
        );
        over_rows_kernel<n>
            <<<grid, static_cast<unsigned>(threads), 0, queue_of(stream).get()>>>(width, body);
        ISOGLOSS_CUDA(cudaGetLastError());
    });
}

}  // namespace isogloss::cuda

// moe/cuda_launch.h - how the routing kernels are put in a queue. For .cu files only.
#pragma once

#include <cstdint>

#include "kernels/cuda_parts.h"

namespace isogloss::cuda {

inline constexpr int kWalkers = 1024;  ///< of a block that walks over all elements by itself

/// Blocks of kThreads that have a thread for each of `count` > 0 elements.
inline unsigned blocks_for(std::int64_t count) {
    return static_cast<unsigned>((count + kThreads - 1) / kThreads);
}

/// A kernel that could not be started says so here; what it does wrong later shows at a wait.
inline void check_launch() {
    ISOGLOSS_CUDA(cudaGetLastError());
}

/// This thread's place among all of the grid.
__device__ inline std::int64_t thread_place() {
    return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

}  // namespace isogloss::cuda

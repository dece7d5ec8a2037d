// moe/block_sums.h - prefix sums over one block of threads. For .cu files only.
#pragma once

#include <cstdint>
#include <cub/block/block_scan.cuh>

#include "moe/cuda_launch.h"

namespace isogloss::cuda {

/// Prefix sums of a list that one block of kWalkers threads walks over, kWalkers elements at a
/// time: every thread calls next() with its element.
class RunningPrefix {
public:
    using Scan = cub::BlockScan<std::int32_t, kWalkers>;
    using Memory = typename Scan::TempStorage;

    __device__ RunningPrefix(Memory& memory, std::int32_t first) : memory_(memory), sum_(first) {}

    /// Sum of all elements before this thread's.
    __device__ std::int32_t next(std::int32_t element) {
        std::int32_t before = 0;
        std::int32_t all = 0;
        Scan(memory_).ExclusiveSum(element, before, all);
        __syncthreads();  // the memory is used again
        auto const prefix = sum_ + before;
        sum_ += all;
        return prefix;
    }
    /// Of all elements so far.
    [[nodiscard]] __device__ std::int32_t sum() const { return sum_; }

private:
    Memory& memory_;
    std::int32_t sum_;
};

}  // namespace isogloss::cuda

// moe/block_sums.h - prefix sums over the elements of a list, in blocks of threads. For .cu files
// only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cub/block/block_scan.cuh>

#include "moe/cuda_launch.h"

namespace isogloss::cuda {

/// Where a block walks: the blocks of a grid's y share a list's elements, in order, each whole
/// rounds of kWalkers.
struct Walk {
    std::int64_t begin;
    std::int64_t end;

    __device__ static Walk of_block(std::int64_t elements) {
        auto const rounds = (elements + kWalkers - 1) / kWalkers;
        auto const length = (rounds + gridDim.y - 1) / gridDim.y * kWalkers;
        auto const begin = min(elements, blockIdx.y * length);
        return {begin, min(elements, begin + length)};
    }
    /// Of all blocks that share the list.
    [[nodiscard]] __device__ static bool is_last() { return blockIdx.y + 1 == gridDim.y; }
};

/// Blocks of kWalkers threads for `lists` > 0 lists of so many elements, a list each x. One block a
/// round where the GPU has room for them: a round is as long as an access to memory.
inline dim3 walkers_for(std::int64_t lists, std::int64_t elements) {
    constexpr std::int64_t kEnough = 256;
    auto const rounds = std::max<std::int64_t>(1, (elements + kWalkers - 1) / kWalkers);
    auto const parts = std::clamp<std::int64_t>(kEnough / lists, 1, rounds);
    return {static_cast<unsigned>(lists), static_cast<unsigned>(parts)};
}

/// Prefix sums of a list that a block of kWalkers threads walks over, kWalkers elements at a time:
/// every thread calls next() with its element.
class RunningPrefix {
public:
    using Scan = cub::BlockScan<std::int32_t, kWalkers>;
    using Memory = typename Scan::TempStorage;

    __device__ RunningPrefix(Memory& memory, std::int32_t first) : memory_(memory), sum_(first) {}

    /// Adds element(0) to element(end - 1), over which other blocks walk.
    template <class Element>
    __device__ void skip(std::int64_t end, Element const& element) {
        std::int32_t mine = 0;
        for (std::int64_t i = threadIdx.x; i < end; i += kWalkers) {
            mine += element(i);
        }
        next(mine);
    }
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

// kernels/attention_wgmma.h - what attention's passes by warp groups share: how tiles come to
// shared memory, and how kernels start. For files *_hopper.cu only.
#pragma once

#include "kernels/attention_mma.h"
#include "kernels/cuda_wgmma.h"

namespace isogloss::cuda {

/// A block is two warp groups, each with 64 of its rows: queries, or keys in the pass over their
/// gradients.
constexpr int kGroups = 2;
constexpr int kBlockThreads = kGroups * kGroupThreads;
constexpr int kBlockRows = kGroups * kGroupRows;

/// First of the block's rows that are this warp's; sixteen are.
__device__ inline int row_of_warp() {
    return static_cast<int>(threadIdx.x) / kWarp * kTileRows;
}

template <int rows, int width>
__device__ void load_async(
    Head<bf16 const> head, int begin, AttentionShape const& s, SwizzledTile<rows, width> to
) {
    copy_tokens_async<rows, width, kBlockThreads>(head, begin, s, to);
}

/// The tile that begins where `tile` ends, or `count` such tiles later.
template <int rows, int width>
__device__ SwizzledTile<rows, width> after(SwizzledTile<rows, width> tile, int count = 1) {
    return {tile.first + static_cast<unsigned>(count * tile.kBytes)};
}

/// When the tiles of a round have come to shared memory, and when all warps are done with them.
/// Rounds take `stages` places in turn; warp groups need not keep step with each other.
///
/// `releases` of a round: one a warp where wgmma alone reads the tiles, one a thread where threads
/// read some of them by themselves.
template <int stages, int releases = kBlockThreads / kWarp>
struct Rounds {
    std::uint64_t come[static_cast<std::size_t>(stages)];
    std::uint64_t done[static_cast<std::size_t>(stages)];

    /// Every thread of the block; the others may be called after it.
    __device__ void begin() {
        if (threadIdx.x < stages) {
            begin_arrivals(come[threadIdx.x], kBlockThreads);
            begin_arrivals(done[threadIdx.x], releases);
        }
        __syncthreads();
    }
    /// Before a thread copies the tiles of a round, which take the place of earlier ones.
    __device__ void wait_for_place(int round) {
        wait_for_arrivals(done[round % stages], round / stages % 2 ^ 1);
    }
    /// After it has begun all its copies of the round.
    __device__ void copies_begun(int round) { arrive_after_copies(come[round % stages]); }
    /// Until all threads' copies are there, for wgmma too.
    __device__ void wait_for_tiles(int round) {
        wait_for_arrivals(come[round % stages], round / stages % 2);
        show_to_wgmma();
    }
    /// After a warp's last product of the round has been waited for.
    __device__ void release(int round) {
        if (releases == kBlockThreads || threadIdx.x % kWarp == 0) {
            arrive(done[round % stages]);
        }
    }
};

/// Key and value heads of the query head that the block works on.
struct KeyHeads {
    Head<bf16 const> key;
    Head<bf16 const> value;

    __device__ KeyHeads(bf16 const* qkv, AttentionShape const& s) {
        std::int64_t const kv = s.heads + blockIdx.y / (s.heads / s.kv_heads);
        key = head_of(qkv, s.heads + 2 * s.kv_heads, kv, s);
        value = head_of(qkv, s.heads + 2 * s.kv_heads, kv + s.kv_heads, s);
    }
};

/// Blocks of later queries have more keys: they begin first.
__device__ inline int first_query_of_block() {
    return static_cast<int>(gridDim.x - 1 - blockIdx.x) * kBlockRows;
}

/// bytes: of shared memory.
template <class Pass>
void launch_groups(
    void (*kernel)(Pass), int bytes, std::int64_t heads, Pass const& pass, Stream stream
) {
    ISOGLOSS_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
    dim3 const grid(
        static_cast<unsigned>(ceil_div(pass.shape.row_length, kBlockRows)),
        static_cast<unsigned>(heads), static_cast<unsigned>(pass.shape.rows)
    );
    kernel<<<grid, kBlockThreads, static_cast<std::size_t>(bytes), queue_of(stream).get()>>>(pass);
    ISOGLOSS_CUDA(cudaGetLastError());
}

}  // namespace isogloss::cuda

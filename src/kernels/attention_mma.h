// kernels/attention_mma.h - what attention's passes on tensor cores share: which rows a block owns,
// how tiles come to shared memory, which keys a query sees. For .cu files only.
#pragma once

#include <type_traits>

#include "kernels/attention_cuda.h"
#include "kernels/cuda_mma.h"

namespace isogloss::cuda {

constexpr int kWarps = 4;
constexpr int kMmaThreads = kWarps * kWarp;
/// Rows of a warp's tile. A block owns `tiles` of them a warp: queries, or keys in the pass over
/// their gradients.
constexpr int kTileRows = 16;
template <int tiles>
constexpr int kOwned = kWarps* kTileRows* tiles;

/// One head of one row of tokens, in device memory.
template <class T>
struct Head {
    T* first;
    std::int64_t stride;
};

template <class T>
__device__ Head<T> head_of(T* all, std::int64_t heads, std::int64_t head, AttentionShape const& s) {
    std::int64_t const stride = heads * s.head_width;
    return {all + blockIdx.z * s.row_length * stride + head * s.head_width, stride};
}

/// Begins to copy tokens [begin, begin + rows) of a head to the rows of a tile, with all `threads`
/// of the block; zeros after the row's end. Tiles place rows that are as many apart as come at once
/// alike.
template <int rows, int width, int threads, class AnyTile>
__device__ void copy_tokens_async(
    Head<bf16 const> head, int begin, AttentionShape const& s, AnyTile to
) {
    constexpr int kVector = kVectorBytes / static_cast<int>(sizeof(bf16));
    constexpr int kVectors = width / kVector;
    constexpr int kRowsAtOnce = threads / kVectors;
    static_assert(rows % kRowsAtOnce == 0 && kRowsAtOnce % 8 == 0);
    int const row = static_cast<int>(threadIdx.x) / kVectors;
    int const column = static_cast<int>(threadIdx.x) % kVectors * kVector;
    int const rows_inside = static_cast<int>(s.row_length) - begin - row;
    bf16 const* from = head.first + (begin + row) * head.stride + column;
    SharedAddress const place = to.at(row, column);
#pragma unroll
    for (int r = 0; r < rows; r += kRowsAtOnce) {
        copy_vector_async(place + static_cast<unsigned>(r * to.kRowBytes), from, r < rows_inside);
        from += kRowsAtOnce * head.stride;
    }
}

template <int rows, int width>
__device__ void load_async(
    Head<bf16 const> head, int begin, AttentionShape const& s, Tile<width> to
) {
    copy_tokens_async<rows, width, kMmaThreads>(head, begin, s, to);
}

/// Two stages of tiles of keys and values in shared memory: one is worked on while the other is
/// copied.
template <int width, int keys>
struct KeyTiles {
    Tile<width> first;
    Head<bf16 const> key_head;
    Head<bf16 const> value_head;

    /// Of the query head that the block works on.
    __device__ KeyTiles(Tile<width> place, bf16 const* qkv, AttentionShape const& s)
        : first(place) {
        std::int64_t const kv = s.heads + blockIdx.y / (s.heads / s.kv_heads);
        key_head = head_of(qkv, s.heads + 2 * s.kv_heads, kv, s);
        value_head = head_of(qkv, s.heads + 2 * s.kv_heads, kv + s.kv_heads, s);
    }
    [[nodiscard]] __device__ Tile<width> k(int stage) const { return first.from(stage * keys); }
    [[nodiscard]] __device__ Tile<width> v(int stage) const {
        return first.from((2 + stage) * keys);
    }
    /// Begins to copy keys [begin, begin + keys) and their values.
    __device__ void load(int begin, int stage, AttentionShape const& s) const {
        load_async<keys>(key_head, begin, s, k(stage));
        load_async<keys>(value_head, begin, s, v(stage));
    }
    static constexpr int kRows = 4 * keys;  ///< of shared memory
};

__device__ inline float exp2_fast(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

constexpr float kLog2OfE = 1.4426950408889634F;

/// First of the block's rows that are this warp's.
template <int tiles>
__device__ int warp_row() {
    return static_cast<int>(threadIdx.x) / kWarp * kTileRows * tiles;
}
/// Row of a lane's part of a tile's results, after the tile's first: `half` 0 and 1. Columns:
/// 8 j + column_of(i) for register i.
__device__ inline int row_of(int half) {
    return static_cast<int>(threadIdx.x) % kWarp / 4 + 8 * half;
}
__device__ inline int column_of(int i) {
    return 2 * (static_cast<int>(threadIdx.x) % 4) + i % 2;
}

/// Of the four lanes that share a row.
__device__ inline float row_max(float x) {
    x = fmaxf(x, __shfl_xor_sync(kAllLanes, x, 1));
    return fmaxf(x, __shfl_xor_sync(kAllLanes, x, 2));
}
__device__ inline float row_sum(float x) {
    x += __shfl_xor_sync(kAllLanes, x, 1);
    return x + __shfl_xor_sync(kAllLanes, x, 2);
}

/// Writes factor[half] * sum to the tile's rows, from token `begin` on.
template <int width>
__device__ void write(
    Results<width> const& sum,
    float const (&factor)[2],
    Head<bf16> head,
    int begin,
    AttentionShape const& s
) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        int const token = begin + row_of(half);
        if (token < s.row_length) {
            bf16* const to = head.first + token * head.stride;
#pragma unroll
            for (int j = 0; j < width / 8; ++j) {
                *reinterpret_cast<std::uint32_t*>(to + 8 * j + column_of(0)) =
                    pair_of(factor[half] * sum[j][2 * half], factor[half] * sum[j][2 * half + 1]);
            }
        }
    }
}

/// What a lane's two queries of a tile see: keys [start, query].
struct Visible {
    int start[2];
    int last[2];

    /// begin: the tile's first query.
    __device__ void set(std::int32_t const* document_start, int begin, AttentionShape const& s) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            int const query = begin + row_of(half);
            bool const inside = query < s.row_length;
            start[half] = inside ? document_start[query] : 0;
            last[half] = inside ? query : -1;
        }
    }
    __device__ bool operator()(int half, int key) const {
        return start[half] <= key && key <= last[half];
    }
};

/// Sets scores of keys that are not seen to -inf. first: key of the results' first column.
template <std::size_t count>
__device__ void hide(Result (&score)[count], Visible const& visible, int first) {
#pragma unroll
    for (int j = 0; j < static_cast<int>(count); ++j) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            if (!visible(i / 2, first + 8 * j + column_of(i))) {
                score[j][i] = -INFINITY;
            }
        }
    }
}

/// What the gradient of a tile's scores needs to know of a lane's two queries.
struct QueryPair {
    float log_sum[2];  ///< base 2
    float delta[2];

    __device__ QueryPair(AttentionBackward<bf16> const& pass, int begin) {
        auto const& s = pass.shape;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            int const query = min(begin + row_of(half), static_cast<int>(s.row_length) - 1);
            auto const at = (blockIdx.z * s.row_length + query) * s.heads + blockIdx.y;
            log_sum[half] = pass.log_sum[at] * kLog2OfE;
            delta[half] = pass.delta[at];
        }
    }
};

/// End of the tiles of `tile` queries that see keys [begin, begin + rows). Documents never begin
/// earlier along a row, so these tiles are the first ones from `begin` on. To the compiler too it
/// is the same in all lanes.
template <int rows, int tile>
__device__ int end_of_queries(std::int32_t const* start, int begin, int length) {
    int num_tiles = 0;
    int const lane = static_cast<int>(threadIdx.x) % kWarp;
    for (int first = begin + lane * tile; first < length; first += kWarp * tile) {
        num_tiles += start[first] < begin + rows ? 1 : 0;
    }
    return begin + __reduce_add_sync(kAllLanes, num_tiles) * tile;
}

/// Blocks of later queries have more keys: they begin first.
template <int tiles>
__device__ int begin_of_queries() {
    return static_cast<int>(gridDim.x - 1 - blockIdx.x) * kOwned<tiles>;
}

/// num_rows: of shared memory, of `width` elements.
template <int width, int tiles, class Pass>
void launch(
    void (*kernel)(Pass), int num_rows, std::int64_t heads, Pass const& pass, Stream stream
) {
    int const bytes = num_rows * Tile<width>::kStride * static_cast<int>(sizeof(bf16));
    ISOGLOSS_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
    dim3 const grid(
        static_cast<unsigned>(ceil_div(pass.shape.row_length, kOwned<tiles>)),
        static_cast<unsigned>(heads), static_cast<unsigned>(pass.shape.rows)
    );
    kernel<<<grid, kMmaThreads, static_cast<std::size_t>(bytes), queue_of(stream).get()>>>(pass);
    ISOGLOSS_CUDA(cudaGetLastError());
}

template <int width>
using HeadWidth = std::integral_constant<int, width>;
/// Calls launch(HeadWidth<w>{}) with w the shape's: 64 or 128, which mma_attention_serves made
/// sure.
template <class Launch>
void with_head_width(AttentionShape const& shape, Launch const& launch) {
    if (shape.head_width == 64) {
        launch(HeadWidth<64>{});
    } else {
        launch(HeadWidth<128>{});
    }
}

}  // namespace isogloss::cuda

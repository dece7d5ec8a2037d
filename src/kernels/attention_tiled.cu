// kernels/attention_tiled.cu
#include "kernels/attention_cuda.h"
#include "kernels/cuda_parts.h"

namespace isogloss::cuda {
namespace {

/// Rows a warp owns: each element read from a tile serves all of them.
constexpr int kOwn = 4;
constexpr int kWarps = kThreads / kWarp;
/// Rows of a tile: one a lane. A block owns as many.
constexpr int kTile = kWarp;
static_assert(kOwn * kWarps == kTile);

/// Floats between two rows of a tile: whole vectors, and neighbours in other banks.
template <int columns>
constexpr int kStride = kWarp* columns + 4;
template <int columns>
constexpr int kTileFloats = kTile* kStride<columns>;

/// One head of one row of tokens.
template <class T>
struct Head {
    T* first;             ///< of the row's first token
    std::int64_t stride;  ///< between tokens
};

template <class T>
__device__ Head<T> head_of(T* all, std::int64_t heads, std::int64_t head, AttentionShape const& s) {
    std::int64_t const stride = heads * s.head_width;
    return {all + blockIdx.z * s.row_length * stride + head * s.head_width, stride};
}

/// Tokens [begin, begin + kTile) of a head as floats; zeros after the row's end and the head's
/// width.
template <int columns, class T>
__device__ void load_tile(Head<T const> head, AttentionShape const& s, int begin, float* tile) {
    int const lane = static_cast<int>(threadIdx.x) % kWarp;
    for (int r = static_cast<int>(threadIdx.x) / kWarp; r < kTile; r += kWarps) {
        bool const inside = begin + r < s.row_length;
        T const* const from = head.first + (begin + r) * head.stride;
#pragma unroll
        for (int c = 0; c < columns; ++c) {
            int const w = lane + kWarp * c;
            tile[r * kStride<columns> + w] = inside && w < s.head_width ? widen(from[w]) : 0.0F;
        }
    }
}

/// dot[i] = own row i of this warp . row `lane` of the tile.
template <int columns>
__device__ void dots(float const* own, float const* tile, float (&dot)[kOwn]) {
    int const lane = static_cast<int>(threadIdx.x) % kWarp;
    int const warp = static_cast<int>(threadIdx.x) / kWarp;
    float const* const theirs = tile + lane * kStride<columns>;
    float const* const mine = own + warp * kOwn * kStride<columns>;
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
        dot[i] = 0.0F;
    }
#pragma unroll 4
    for (int w = 0; w < kWarp * columns; w += 4) {
        float4 const t = *reinterpret_cast<float4 const*>(theirs + w);
#pragma unroll
        for (int i = 0; i < kOwn; ++i) {
            float4 const m = *reinterpret_cast<float4 const*>(mine + i * kStride<columns> + w);
            dot[i] += m.x * t.x + m.y * t.y + m.z * t.z + m.w * t.w;
        }
    }
}

template <int columns>
using Sums = float[kOwn][static_cast<std::size_t>(columns)];

/// sum[i][c] += sum over the tile's rows j of weight i of lane j * tile[j][lane + 32 c].
template <int columns>
__device__ void add_weighted(float const (&weight)[kOwn], float const* tile, Sums<columns>& sum) {
    int const lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll 4
    for (int j = 0; j < kTile; ++j) {
        float value[columns];
#pragma unroll
        for (int c = 0; c < columns; ++c) {
            value[c] = tile[j * kStride<columns> + lane + kWarp * c];
        }
#pragma unroll
        for (int i = 0; i < kOwn; ++i) {
            float const factor = __shfl_sync(kAllLanes, weight[i], j);
#pragma unroll
            for (int c = 0; c < columns; ++c) {
                sum[i][c] += factor * value[c];
            }
        }
    }
}

/// Own row i of the block, for this warp.
__device__ int own_row(int i) {
    return static_cast<int>(threadIdx.x) / kWarp * kOwn + i;
}

/// Writes sum[i] to token begin + own row i of the head.
template <int columns, class T>
__device__ void write(Sums<columns> const& sum, Head<T> head, AttentionShape const& s, int begin) {
    int const lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
        if (begin + own_row(i) < s.row_length) {
            T* const to = head.first + (begin + own_row(i)) * head.stride;
#pragma unroll
            for (int c = 0; c < columns; ++c) {
                if (lane + kWarp * c < s.head_width) {
                    to[lane + kWarp * c] = narrow<T>(sum[i][c]);
                }
            }
        }
    }
}

__device__ std::int64_t kv_head_of(std::int64_t head, AttentionShape const& s) {
    return head / (s.heads / s.kv_heads);
}

/// Whether query `query`, whose document begins at `start`, sees `key`; false after the row's end.
__device__ bool sees(int query, int start, int key, AttentionShape const& s) {
    return query < s.row_length && start <= key && key <= query;
}

/// A block owns kTile queries of a head and passes over the tiles of their keys.
template <int columns, class T>
__global__ void __launch_bounds__(kThreads) forward_kernel(AttentionForward<T> pass) {
    extern __shared__ __align__(kVectorBytes) float tiles[];
    float* const q = tiles;
    float* const k = q + kTileFloats<columns>;
    float* const v = k + kTileFloats<columns>;
    auto const& s = pass.shape;
    auto const all_heads = s.heads + 2 * s.kv_heads;
    std::int64_t const kv = kv_head_of(blockIdx.y, s);
    int const begin = static_cast<int>(blockIdx.x) * kTile;
    int const lane = static_cast<int>(threadIdx.x) % kWarp;
    auto const* const start = pass.document_start + blockIdx.z * s.row_length;
    float const scale = rsqrtf(static_cast<float>(s.head_width));
    load_tile<columns>(head_of(pass.qkv, all_heads, blockIdx.y, s), s, begin, q);

    float largest[kOwn];
    float total[kOwn] = {};
    Sums<columns> sum = {};
    int query_start[kOwn];
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
        largest[i] = -INFINITY;
        query_start[i] = begin + own_row(i) < s.row_length ? start[begin + own_row(i)] : 0;
    }
    for (int first = start[begin] / kTile * kTile; first < begin + kTile; first += kTile) {
        __syncthreads();
        load_tile<columns>(head_of(pass.qkv, all_heads, s.heads + kv, s), s, first, k);
        load_tile<columns>(head_of(pass.qkv, all_heads, s.heads + s.kv_heads + kv, s), s, first, v);
        __syncthreads();
        float weight[kOwn];
        dots<columns>(q, k, weight);
#pragma unroll
        for (int i = 0; i < kOwn; ++i) {
            bool const visible = sees(begin + own_row(i), query_start[i], first + lane, s);
            float const score = visible ? weight[i] * scale : -INFINITY;
            float const next = fmaxf(largest[i], warp_max(score));
            float const kept = next == -INFINITY ? 1.0F : expf(largest[i] - next);
            weight[i] = visible ? expf(score - next) : 0.0F;
            total[i] = total[i] * kept + warp_sum(weight[i]);
            largest[i] = next;
#pragma unroll
            for (int c = 0; c < columns; ++c) {
                sum[i][c] *= kept;
            }
        }
        add_weighted<columns>(weight, v, sum);
    }
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
#pragma unroll
        for (int c = 0; c < columns; ++c) {
            sum[i][c] /= total[i];
        }
        int const query = begin + own_row(i);
        if (lane == 0 && query < s.row_length) {
            pass.log_sum[(blockIdx.z * s.row_length + query) * s.heads + blockIdx.y] =
                largest[i] + logf(total[i]);
        }
    }
    write<columns>(sum, head_of(pass.out, s.heads, blockIdx.y, s), s, begin);
}

/// The same for the gradient of the queries.
template <int columns, class T>
__global__ void __launch_bounds__(kThreads) query_gradient_kernel(AttentionBackward<T> pass) {
    extern __shared__ __align__(kVectorBytes) float tiles[];
    float* const q = tiles;
    float* const dout = q + kTileFloats<columns>;
    float* const k = dout + kTileFloats<columns>;
    float* const v = k + kTileFloats<columns>;
    auto const& s = pass.shape;
    auto const all_heads = s.heads + 2 * s.kv_heads;
    std::int64_t const kv = kv_head_of(blockIdx.y, s);
    int const begin = static_cast<int>(blockIdx.x) * kTile;
    int const lane = static_cast<int>(threadIdx.x) % kWarp;
    auto const* const start = pass.document_start + blockIdx.z * s.row_length;
    float const scale = rsqrtf(static_cast<float>(s.head_width));
    load_tile<columns>(head_of(pass.qkv, all_heads, blockIdx.y, s), s, begin, q);
    load_tile<columns>(head_of(pass.dout, s.heads, blockIdx.y, s), s, begin, dout);

    Sums<columns> sum = {};
    int query_start[kOwn] = {};
    float log_sum[kOwn] = {};
    float delta[kOwn] = {};
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
        int const query = begin + own_row(i);
        if (query < s.row_length) {
            auto const at = (blockIdx.z * s.row_length + query) * s.heads + blockIdx.y;
            query_start[i] = start[query];
            log_sum[i] = pass.log_sum[at];
            delta[i] = pass.delta[at];
        }
    }
    for (int first = start[begin] / kTile * kTile; first < begin + kTile; first += kTile) {
        __syncthreads();
        load_tile<columns>(head_of(pass.qkv, all_heads, s.heads + kv, s), s, first, k);
        load_tile<columns>(head_of(pass.qkv, all_heads, s.heads + s.kv_heads + kv, s), s, first, v);
        __syncthreads();
        float score[kOwn];
        float dweight[kOwn];
        dots<columns>(q, k, score);
        dots<columns>(dout, v, dweight);
#pragma unroll
        for (int i = 0; i < kOwn; ++i) {
            bool const visible = sees(begin + own_row(i), query_start[i], first + lane, s);
            float const weight = visible ? expf(score[i] * scale - log_sum[i]) : 0.0F;
            score[i] = weight * (dweight[i] - delta[i]) * scale;
        }
        add_weighted<columns>(score, k, sum);
    }
    write<columns>(sum, head_of(pass.dqkv, all_heads, blockIdx.y, s), s, begin);
}

/// A block owns kTile keys of a key and value head and passes over the queries that see them, head
/// by head.
template <int columns, class T>
__global__ void __launch_bounds__(kThreads) key_gradient_kernel(AttentionBackward<T> pass) {
    extern __shared__ __align__(kVectorBytes) float tiles[];
    float* const k = tiles;
    float* const v = k + kTileFloats<columns>;
    float* const q = v + kTileFloats<columns>;
    float* const dout = q + kTileFloats<columns>;
    auto const& s = pass.shape;
    auto const all_heads = s.heads + 2 * s.kv_heads;
    int const begin = static_cast<int>(blockIdx.x) * kTile;
    int const lane = static_cast<int>(threadIdx.x) % kWarp;
    auto const* const start = pass.document_start + blockIdx.z * s.row_length;
    float const scale = rsqrtf(static_cast<float>(s.head_width));
    std::int64_t const key_head = s.heads + blockIdx.y;
    std::int64_t const value_head = key_head + s.kv_heads;
    load_tile<columns>(head_of(pass.qkv, all_heads, key_head, s), s, begin, k);
    load_tile<columns>(head_of(pass.qkv, all_heads, value_head, s), s, begin, v);

    Sums<columns> dk = {};
    Sums<columns> dv = {};
    std::int64_t const sharing = s.heads / s.kv_heads;
    for (std::int64_t head = blockIdx.y * sharing; head < (blockIdx.y + 1) * sharing; ++head) {
        // Documents begin at the same place or later along a row: the first tile whose own begins
        // after these keys ends the pass.
        for (int first = begin; first < s.row_length && start[first] < begin + kTile;
             first += kTile) {
            __syncthreads();
            load_tile<columns>(head_of(pass.qkv, all_heads, head, s), s, first, q);
            load_tile<columns>(head_of(pass.dout, s.heads, head, s), s, first, dout);
            __syncthreads();
            int const query = first + lane;
            bool const inside = query < s.row_length;
            auto const at = (blockIdx.z * s.row_length + query) * s.heads + head;
            int const query_start = inside ? start[query] : 0;
            float const log_sum = inside ? pass.log_sum[at] : 0.0F;
            float const delta = inside ? pass.delta[at] : 0.0F;
            float weight[kOwn];
            float slope[kOwn];
            dots<columns>(k, q, weight);
            dots<columns>(v, dout, slope);
#pragma unroll
            for (int i = 0; i < kOwn; ++i) {
                bool const visible = sees(query, query_start, begin + own_row(i), s);
                weight[i] = visible ? expf(weight[i] * scale - log_sum) : 0.0F;
                slope[i] = weight[i] * (slope[i] - delta) * scale;
            }
            add_weighted<columns>(weight, dout, dv);
            add_weighted<columns>(slope, q, dk);
        }
    }
    write<columns>(dk, head_of(pass.dqkv, all_heads, key_head, s), s, begin);
    write<columns>(dv, head_of(pass.dqkv, all_heads, value_head, s), s, begin);
}

/// Calls launch(PackSize<c>) with the number c of columns a lane owns of a head.
template <class Launch>
void with_columns(std::int64_t head_width, Launch const& launch) {
    if (head_width <= kWarp) {
        launch(PackSize<1>{});
    } else if (head_width <= 2 * kWarp) {
        launch(PackSize<2>{});
    } else if (head_width <= 4 * kWarp) {
        launch(PackSize<4>{});
    } else {
        launch(PackSize<8>{});
    }
}

template <int columns, class Pass>
void launch(
    void (*kernel)(Pass), int num_tiles, std::int64_t heads, Pass const& pass, Stream stream
) {
    int const bytes = num_tiles * kTileFloats<columns> * static_cast<int>(sizeof(float));
    ISOGLOSS_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
    dim3 const grid(
        static_cast<unsigned>(ceil_div(pass.shape.row_length, kTile)), static_cast<unsigned>(heads),
        static_cast<unsigned>(pass.shape.rows)
    );
    kernel<<<grid, kThreads, static_cast<std::size_t>(bytes), queue_of(stream).get()>>>(pass);
    ISOGLOSS_CUDA(cudaGetLastError());
}

}  // namespace

template <class T>
void tiled_attention(AttentionForward<T> const& pass, Stream stream) {
    with_columns(pass.shape.head_width, [&](auto columns) {
        constexpr int c = decltype(columns)::value;
        launch<c>(forward_kernel<c, T>, 3, pass.shape.heads, pass, stream);
    });
}

template <class T>
void tiled_attention_backward(AttentionBackward<T> const& pass, Stream stream) {
    with_columns(pass.shape.head_width, [&](auto columns) {
        constexpr int c = decltype(columns)::value;
        launch<c>(query_gradient_kernel<c, T>, 4, pass.shape.heads, pass, stream);
        launch<c>(key_gradient_kernel<c, T>, 4, pass.shape.kv_heads, pass, stream);
    });
}

template void tiled_attention(AttentionForward<float> const&, Stream);
template void tiled_attention(AttentionForward<bf16> const&, Stream);
template void tiled_attention_backward(AttentionBackward<float> const&, Stream);
template void tiled_attention_backward(AttentionBackward<bf16> const&, Stream);

}  // namespace isogloss::cuda

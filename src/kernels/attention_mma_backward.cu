// kernels/attention_mma_backward.cu
#include "kernels/attention_mma.h"

namespace isogloss::cuda {
namespace {

/// Keys, or in the pass over their gradients queries, that are worked on at a time. Few, so that
/// registers are left for a third block on a multiprocessor, or for two results there.
constexpr int kKeys = 32;
constexpr int kQueries = 32;
constexpr int kTiles = 1;
constexpr int kRows = kOwned<kTiles>;

template <int width>
__global__ void __launch_bounds__(kMmaThreads, 3)
    query_gradient_kernel(AttentionBackward<bf16> pass) {
    extern __shared__ __align__(kVectorBytes) unsigned char shared[];
    Tile<width> const q{shared_address(shared)};
    auto const dout = q.from(kRows);
    auto const k = [&](int stage) { return q.from(2 * kRows + stage * kKeys); };
    auto const v = [&](int stage) { return q.from(2 * kRows + (2 + stage) * kKeys); };
    auto const& s = pass.shape;
    auto const all_heads = s.heads + 2 * s.kv_heads;
    std::int64_t const kv = blockIdx.y / (s.heads / s.kv_heads);
    auto const key_head = head_of(pass.qkv, all_heads, s.heads + kv, s);
    auto const value_head = head_of(pass.qkv, all_heads, s.heads + s.kv_heads + kv, s);
    int const begin = begin_of_queries<kTiles>();
    int const row = warp_row<kTiles>();
    auto const* const start = pass.document_start + blockIdx.z * s.row_length;
    Visible visible;
    visible.set(start, begin + row, s);
    int const last_start = start[min(begin + kRows, static_cast<int>(s.row_length)) - 1];
    float const scale = rsqrtf(static_cast<float>(width));
    float log_sum[2];
    float delta[2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        int const query = min(begin + row + row_of(half), static_cast<int>(s.row_length) - 1);
        auto const at = (blockIdx.z * s.row_length + query) * s.heads + blockIdx.y;
        log_sum[half] = pass.log_sum[at] * kLog2OfE;
        delta[half] = pass.delta[at];
    }

    int first = start[begin] / kKeys * kKeys;
    load_async<kRows>(head_of(pass.qkv, all_heads, blockIdx.y, s), begin, s, q);
    load_async<kRows>(head_of(pass.dout, s.heads, blockIdx.y, s), begin, s, dout);
    load_async<kKeys>(key_head, first, s, k(0));
    load_async<kKeys>(value_head, first, s, v(0));
    TileResults<kTiles, width> sum = {};
    for (int stage = 0; first < begin + kRows; first += kKeys, stage ^= 1) {
        wait_for_copies();
        __syncthreads();
        if (first + kKeys < begin + kRows) {
            load_async<kKeys>(key_head, first + kKeys, s, k(stage ^ 1));
            load_async<kKeys>(value_head, first + kKeys, s, v(stage ^ 1));
        }
        if (first > begin + row + kTileRows - 1) {
            continue;  // all these keys come after all this warp's queries
        }
        TileResults<kTiles, kKeys> score = {};
        TileResults<kTiles, kKeys> slope = {};
        multiply_by_rows(q, row, k(stage), score);
        multiply_by_rows(dout, row, v(stage), slope);
        if (first + kKeys > begin + row || first < last_start) {
            hide(score[0], visible, first);
        }
#pragma unroll
        for (int j = 0; j < kKeys / 8; ++j) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                float const weight = exp2_fast(score[0][j][i] * scale * kLog2OfE - log_sum[i / 2]);
                slope[0][j][i] = weight * (slope[0][j][i] - delta[i / 2]);
            }
        }
        add_product(slope, k(stage), sum);
    }
    float const factor[2] = {scale, scale};
    write<width>(sum[0], factor, head_of(pass.dqkv, all_heads, blockIdx.y, s), begin + row, s);
}

/// What the columns of transposed scores need to know of their queries.
struct QueryFacts {
    float log_sum[kQueries];
    float delta[kQueries];
    int start[kQueries];  ///< past all keys after the row's end
};

/// A block owns keys and passes over the queries that see them, of all heads that share the keys.
template <int width>
__global__ void __launch_bounds__(kMmaThreads) key_gradient_kernel(AttentionBackward<bf16> pass) {
    extern __shared__ __align__(kVectorBytes) unsigned char shared[];
    __shared__ QueryFacts facts[2];
    Tile<width> const k{shared_address(shared)};
    auto const v = k.from(kRows);
    auto const q = [&](int stage) { return k.from(2 * kRows + stage * kQueries); };
    auto const dout = [&](int stage) { return k.from(2 * kRows + (2 + stage) * kQueries); };
    auto const& s = pass.shape;
    int const length = static_cast<int>(s.row_length);
    auto const all_heads = s.heads + 2 * s.kv_heads;
    std::int64_t const sharing = s.heads / s.kv_heads;
    std::int64_t const key_head = s.heads + blockIdx.y;
    int const begin = static_cast<int>(blockIdx.x) * kRows;
    int const row = warp_row<kTiles>();
    auto const* const start = pass.document_start + blockIdx.z * s.row_length;
    float const scale = rsqrtf(static_cast<float>(width));

    // Documents never begin earlier along a row, so the tiles of queries that see these keys are
    // the first ones.
    int num_tiles = 0;
    int const lane = static_cast<int>(threadIdx.x) % kWarp;
    for (int first = begin + lane * kQueries; first < length; first += kWarp * kQueries) {
        num_tiles += start[first] < begin + kRows ? 1 : 0;
    }
    num_tiles = warp_sum(num_tiles);
    auto const load_queries = [&](std::int64_t head, int first, int stage) {
        load_async<kQueries>(head_of(pass.qkv, all_heads, head, s), first, s, q(stage));
        load_async<kQueries>(head_of(pass.dout, s.heads, head, s), first, s, dout(stage));
        if (threadIdx.x < kQueries) {
            int const query = first + static_cast<int>(threadIdx.x);
            bool const inside = query < length;
            auto const at = (blockIdx.z * s.row_length + query) * s.heads + head;
            facts[stage].log_sum[threadIdx.x] = inside ? pass.log_sum[at] * kLog2OfE : 0.0F;
            facts[stage].delta[threadIdx.x] = inside ? pass.delta[at] : 0.0F;
            facts[stage].start[threadIdx.x] = inside ? start[query] : length;
        }
    };

    load_async<kRows>(head_of(pass.qkv, all_heads, key_head, s), begin, s, k);
    load_async<kRows>(head_of(pass.qkv, all_heads, key_head + s.kv_heads, s), begin, s, v);
    TileResults<kTiles, width> dk = {};
    TileResults<kTiles, width> dv = {};
    int const end = begin + num_tiles * kQueries;
    std::int64_t head = blockIdx.y * sharing;
    std::int64_t const last_head = head + sharing - 1;
    int first = begin;
    load_queries(head, first, 0);
    for (int stage = 0; first < end; stage ^= 1) {
        wait_for_copies();
        __syncthreads();
        bool const is_last_tile = first + kQueries >= end;
        if (!is_last_tile) {
            load_queries(head, first + kQueries, stage ^ 1);
        } else if (head < last_head) {
            load_queries(head + 1, begin, stage ^ 1);
        }
        // Documents never begin earlier along a row: the last query's is the latest.
        bool const all_seen =
            first >= begin + kRows - 1 && facts[stage].start[kQueries - 1] <= begin;
        TileResults<kTiles, kQueries> weight = {};
        TileResults<kTiles, kQueries> slope = {};
        multiply_by_rows(k, row, q(stage), weight);
        multiply_by_rows(v, row, dout(stage), slope);
#pragma unroll
        for (int j = 0; j < kQueries / 8; ++j) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                int const query = 8 * j + column_of(i);
                int const key = begin + row + row_of(i / 2);
                bool const seen =
                    all_seen || (facts[stage].start[query] <= key && key <= first + query);
                float const score =
                    weight[0][j][i] * scale * kLog2OfE - facts[stage].log_sum[query];
                weight[0][j][i] = seen ? exp2_fast(score) : 0.0F;
                slope[0][j][i] = weight[0][j][i] * (slope[0][j][i] - facts[stage].delta[query]);
            }
        }
        add_product(weight, dout(stage), dv);
        add_product(slope, q(stage), dk);
        bool const next_head = is_last_tile && head < last_head;
        head += next_head ? 1 : 0;
        first = next_head ? begin : first + kQueries;
    }
    float const scaled[2] = {scale, scale};
    float const ones[2] = {1.0F, 1.0F};
    write<width>(dk[0], scaled, head_of(pass.dqkv, all_heads, key_head, s), begin + row, s);
    auto const value_head = head_of(pass.dqkv, all_heads, key_head + s.kv_heads, s);
    write<width>(dv[0], ones, value_head, begin + row, s);
}

template <int width>
void backward(AttentionBackward<bf16> const& pass, Stream stream) {
    launch<width, kTiles>(
        query_gradient_kernel<width>, 2 * kRows + 4 * kKeys, pass.shape.heads, pass, stream
    );
    launch<width, kTiles>(
        key_gradient_kernel<width>, 2 * kRows + 4 * kQueries, pass.shape.kv_heads, pass, stream
    );
}

}  // namespace

void mma_attention_backward(AttentionBackward<bf16> const& pass, Stream stream) {
    if (pass.shape.head_width == 64) {
        backward<64>(pass, stream);
    } else {
        backward<128>(pass, stream);
    }
}

}  // namespace isogloss::cuda

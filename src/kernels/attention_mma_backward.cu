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

/// A block owns queries of one head and passes over the tiles of keys that they see.
template <int width>
__global__ void __launch_bounds__(kMmaThreads, 3)
    query_gradient_kernel(AttentionBackward<bf16> pass) {
    extern __shared__ __align__(kVectorBytes) unsigned char shared[];
    auto const& s = pass.shape;
    Tile<width> const q{shared_address(shared)};
    auto const dout = q.from(kRows);
    KeyTiles<width, kKeys> const keys(q.from(2 * kRows), pass.qkv, s);
    int const begin = begin_of_queries<kTiles>();
    int const row = warp_row<kTiles>();
    auto const* const start = pass.document_start + blockIdx.z * s.row_length;
    Visible visible;
    visible.set(start, begin + row, s);
    int const last_start = start[min(begin + kRows, static_cast<int>(s.row_length)) - 1];
    float const scale = rsqrtf(static_cast<float>(width));
    QueryPair const queries(pass, begin + row);

    int first = start[begin] / kKeys * kKeys;
    auto const all_heads = s.heads + 2 * s.kv_heads;
    load_async<kRows>(head_of(pass.qkv, all_heads, blockIdx.y, s), begin, s, q);
    load_async<kRows>(head_of(pass.dout, s.heads, blockIdx.y, s), begin, s, dout);
    keys.load(first, 0, s);
    TileResults<kTiles, width> sum = {};
    for (int stage = 0; first < begin + kRows; first += kKeys, stage ^= 1) {
        wait_for_copies();
        __syncthreads();
        if (first + kKeys < begin + kRows) {
            keys.load(first + kKeys, stage ^ 1, s);
        }
        if (first > begin + row + kTileRows - 1) {
            continue;  // all these keys come after all this warp's queries
        }
        TileResults<kTiles, kKeys> score = {};
        TileResults<kTiles, kKeys> slope = {};
        multiply_by_rows(q, row, keys.k(stage), score);
        multiply_by_rows(dout, row, keys.v(stage), slope);
        if (first + kKeys > begin + row || first < last_start) {
            hide(score[0], visible, first);
        }
#pragma unroll
        for (int j = 0; j < kKeys / 8; ++j) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                float const weight =
                    exp2_fast(score[0][j][i] * scale * kLog2OfE - queries.log_sum[i / 2]);
                slope[0][j][i] = weight * (slope[0][j][i] - queries.delta[i / 2]);
            }
        }
        add_product(slope, keys.k(stage), sum);
    }
    float const factor[2] = {scale, scale};
    write<width>(sum[0], factor, head_of(pass.dqkv, all_heads, blockIdx.y, s), begin + row, s);
}

/// What the columns of transposed scores need to know of their queries.
struct QueryFacts {
    float log_sum[kQueries];  ///< base 2
    float delta[kQueries];
    int start[kQueries];  ///< past all keys after the row's end

    __device__ void load(AttentionBackward<bf16> const& pass, std::int64_t head, int first) {
        auto const i = static_cast<int>(threadIdx.x);
        if (i >= kQueries) {
            return;
        }
        auto const& s = pass.shape;
        bool const inside = first + i < s.row_length;
        auto const token = blockIdx.z * s.row_length + first + i;
        log_sum[i] = inside ? pass.log_sum[token * s.heads + head] * kLog2OfE : 0.0F;
        delta[i] = inside ? pass.delta[token * s.heads + head] : 0.0F;
        start[i] = inside ? pass.document_start[token] : static_cast<int>(s.row_length);
    }
};

/// Scores and the slopes of weights become weights and the slopes of scores. Rows are keys from
/// `key` on, columns queries from `first` on.
__device__ void weigh(
    Results<kQueries>& weight,
    Results<kQueries>& slope,
    QueryFacts const& facts,
    int key,
    int first,
    float scale
) {
    // Documents never begin earlier along a row: the last query's is the latest.
    bool const all_seen = first >= key + kTileRows - 1 && facts.start[kQueries - 1] <= key;
#pragma unroll
    for (int j = 0; j < kQueries / 8; ++j) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            int const query = 8 * j + column_of(i);
            int const its_key = key + row_of(i / 2);
            bool const seen =
                all_seen || (facts.start[query] <= its_key && its_key <= first + query);
            float const score = weight[j][i] * scale * kLog2OfE - facts.log_sum[query];
            weight[j][i] = seen ? exp2_fast(score) : 0.0F;
            slope[j][i] = weight[j][i] * (slope[j][i] - facts.delta[query]);
        }
    }
}

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
    auto const all_heads = s.heads + 2 * s.kv_heads;
    std::int64_t const key_head = s.heads + blockIdx.y;
    std::int64_t const value_head = key_head + s.kv_heads;
    int const begin = static_cast<int>(blockIdx.x) * kRows;
    int const row = warp_row<kTiles>();
    int const length = static_cast<int>(s.row_length);
    int const end = end_of_queries<kRows, kQueries>(
        pass.document_start + blockIdx.z * s.row_length, begin, length
    );
    float const scale = rsqrtf(static_cast<float>(width));
    auto const load_queries = [&](std::int64_t head, int first, int stage) {
        load_async<kQueries>(head_of(pass.qkv, all_heads, head, s), first, s, q(stage));
        load_async<kQueries>(head_of(pass.dout, s.heads, head, s), first, s, dout(stage));
        facts[stage].load(pass, head, first);
    };

    load_async<kRows>(head_of(pass.qkv, all_heads, key_head, s), begin, s, k);
    load_async<kRows>(head_of(pass.qkv, all_heads, value_head, s), begin, s, v);
    std::int64_t head = blockIdx.y * (s.heads / s.kv_heads);
    std::int64_t const last_head = head + s.heads / s.kv_heads - 1;
    int first = begin;
    load_queries(head, first, 0);
    TileResults<kTiles, width> dk = {};
    TileResults<kTiles, width> dv = {};
    for (int stage = 0; first < end; stage ^= 1) {
        wait_for_copies();
        __syncthreads();
        bool const next_head = first + kQueries >= end && head < last_head;
        std::int64_t const coming_head = next_head ? head + 1 : head;
        int const coming = next_head ? begin : first + kQueries;
        if (coming < end) {
            load_queries(coming_head, coming, stage ^ 1);
        }
        TileResults<kTiles, kQueries> weight = {};
        TileResults<kTiles, kQueries> slope = {};
        multiply_by_rows(k, row, q(stage), weight);
        multiply_by_rows(v, row, dout(stage), slope);
        weigh(weight[0], slope[0], facts[stage], begin + row, first, scale);
        add_product(weight, dout(stage), dv);
        add_product(slope, q(stage), dk);
        head = coming_head;
        first = coming;
    }
    float const scaled[2] = {scale, scale};
    float const ones[2] = {1.0F, 1.0F};
    write<width>(dk[0], scaled, head_of(pass.dqkv, all_heads, key_head, s), begin + row, s);
    write<width>(dv[0], ones, head_of(pass.dqkv, all_heads, value_head, s), begin + row, s);
}

template <int width>
void backward(AttentionBackward<bf16> const& pass, Stream stream) {
    launch<width, kTiles>(
        query_gradient_kernel<width>, 2 * kRows + KeyTiles<width, kKeys>::kRows, pass.shape.heads,
        pass, stream
    );
    launch<width, kTiles>(
        key_gradient_kernel<width>, 2 * kRows + 4 * kQueries, pass.shape.kv_heads, pass, stream
    );
}

}  // namespace

void mma_attention_backward(AttentionBackward<bf16> const& pass, Stream stream) {
    with_head_width(pass.shape, [&](auto width) { backward<width.value>(pass, stream); });
}

}  // namespace isogloss::cuda

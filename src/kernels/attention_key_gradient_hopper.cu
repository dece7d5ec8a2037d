// kernels/attention_key_gradient_hopper.cu
#include "kernels/attention_backward_hopper.h"

namespace isogloss::cuda {
namespace {

/// What the columns of transposed scores need to know of their queries.
struct TileQueries {
    float log_sum[kTile];
    float delta[kTile];
    int start[kTile];

    /// Begins to copy them. After the row's end log_sum and delta are 0, as the queries are.
    __device__ void load_async(AttentionBackward<bf16> const& pass, std::int64_t head, int first) {
        auto const i = static_cast<int>(threadIdx.x);
        if (i >= kTile) {
            return;
        }
        auto const& s = pass.shape;
        bool const inside = first + i < s.row_length;
        auto const token =
            blockIdx.z * s.row_length + (inside ? first + i : static_cast<int>(s.row_length) - 1);
        auto const at = token * s.heads + head;
        copy_word_async(shared_address(log_sum + i), pass.log_sum + at, inside);
        copy_word_async(shared_address(delta + i), pass.delta + at, inside);
        copy_word_async(shared_address(start + i), pass.document_start + token, true);
    }
};

/// Transposed scores become weights. Rows are keys from `key` on, columns queries from `first` on.
__device__ void weigh_turned(
    Results<kTile>& score, TileQueries const& queries, int key, int first, float scale_base2
) {
    // Documents never begin earlier along a row: the last query's is the latest.
    bool const all_seen = first >= key + kTileRows - 1 && queries.start[kTile - 1] <= key;
#pragma unroll
    for (int j = 0; j < kTile / 8; ++j) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            float const log_sum = queries.log_sum[8 * j + column_of(i)] * kLog2OfE;
            score[j][i] = exp2_fast(score[j][i] * scale_base2 - log_sum);
        }
    }
    if (all_seen) {
        return;
    }
#pragma unroll
    for (int j = 0; j < kTile / 8; ++j) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            int const query = 8 * j + column_of(i);
            int const its_key = key + row_of(i / 2);
            bool const seen = queries.start[query] <= its_key && its_key <= first + query;
            score[j][i] = seen ? score[j][i] : 0.0F;
        }
    }
}

/// The tiles of queries [begin, end), of one head after the other.
struct QueryWalk {
    std::int64_t head;
    int first;
    int begin;
    int end;

    __device__ void advance() {
        first += kTile;
        if (first >= end) {
            first = begin;
            ++head;
        }
    }
};

/// A block owns keys and passes over the queries that see them, of all heads that share the keys.
template <int width>
__global__ void __launch_bounds__(kBlockThreads, 1)
    group_key_gradient_kernel(AttentionBackward<bf16> pass) {
    extern __shared__ __align__(kSwizzleBytes) unsigned char shared[];
    __shared__ Rounds<kBackwardStages, kBlockThreads> rounds;
    __shared__ TileQueries queries[kBackwardStages];
    auto const& s = pass.shape;
    BackwardTiles<width> const tiles{shared_address(shared)};
    auto const all_heads = s.heads + 2 * s.kv_heads;
    std::int64_t const key_head = s.heads + blockIdx.y;
    std::int64_t const value_head = key_head + s.kv_heads;
    int const begin = static_cast<int>(blockIdx.x) * kBlockRows;
    int const group_row = warp_group() * kGroupRows;
    int const row = row_of_warp();
    int const end = end_of_queries<kBlockRows, kTile>(
        pass.document_start + blockIdx.z * s.row_length, begin, static_cast<int>(s.row_length)
    );
    float const scale = rsqrtf(static_cast<float>(width));
    std::int64_t const heads_a_key = s.heads / s.kv_heads;
    QueryWalk const start_of_walk{blockIdx.y * heads_a_key, begin, begin, end};
    std::int64_t const end_head = (blockIdx.y + 1) * heads_a_key;
    auto coming = start_of_walk;
    auto const load_queries = [&](int round) {
        if (coming.head == end_head || begin == end) {
            return;
        }
        rounds.wait_for_place(round);
        auto const query = head_of(pass.qkv, all_heads, coming.head, s);
        auto const slope = head_of(pass.dout, s.heads, coming.head, s);
        load_async(query, coming.first, s, tiles.passing(0, round));
        load_async(slope, coming.first, s, tiles.passing(1, round));
        queries[round % kBackwardStages].load_async(pass, coming.head, coming.first);
        rounds.copies_begun(round);
        coming.advance();
    };

    rounds.begin();
    load_async(head_of(pass.qkv, all_heads, key_head, s), begin, s, tiles.own(0));
    load_async(head_of(pass.qkv, all_heads, value_head, s), begin, s, tiles.own(1));
    for (int round = 0; round < kAhead; ++round) {
        load_queries(round);
    }
    Results<width> dk = {};
    Results<width> dv = {};
    Results<kTile> score;
    Results<kTile> slope;
    LeftOperands<kTile / 8> weights;
    LeftOperands<kTile / 8> slopes;
    auto walk = start_of_walk;
    for (int round = 0; walk.head < end_head && begin < end; ++round, walk.advance()) {
        auto const& its = queries[round % kBackwardStages];
        int const first = walk.first;
        load_queries(round + kAhead);
        rounds.wait_for_tiles(round);
        if (first + kTile > begin + group_row) {  // else all these queries come before the keys
            begin_products();
            begin_product_of_rows(tiles.own(0), group_row, tiles.passing(0, round), score);
            begin_product_of_rows(tiles.own(1), group_row, tiles.passing(1, round), slope);
            wait_for_groups<1>();
            hold(score);
            weigh_turned(score, its, begin + row, first, scale * kLog2OfE);
            weights.take(score);
            begin_products();
            begin_adding_product(weights, tiles.passing(1, round), dv);
            wait_for_groups<1>();
            hold(slope);
#pragma unroll
            for (int j = 0; j < kTile / 8; ++j) {
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    float const delta = its.delta[8 * j + column_of(i)];
                    slope[j][i] = score[j][i] * (slope[j][i] - delta);
                }
            }
            slopes.take(slope);
            begin_products();
            begin_adding_product(slopes, tiles.passing(0, round), dk);
            wait_for_groups<0>();
            hold(dv);
            hold(dk);
        }
        rounds.release(round);
    }
    float const scaled[2] = {scale, scale};
    float const ones[2] = {1.0F, 1.0F};
    write<width>(dk, scaled, head_of(pass.dqkv, all_heads, key_head, s), begin + row, s);
    write<width>(dv, ones, head_of(pass.dqkv, all_heads, value_head, s), begin + row, s);
}

}  // namespace

void hopper_key_gradients(AttentionBackward<bf16> const& pass, Stream stream) {
    with_head_width(pass.shape, [&](auto width) {
        launch_groups(
            group_key_gradient_kernel<width.value>, BackwardTiles<width.value>::kBytes,
            pass.shape.kv_heads, pass, stream
        );
    });
}

}  // namespace isogloss::cuda

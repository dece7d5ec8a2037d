// kernels/attention_backward_hopper.cu
#include "kernels/attention_wgmma.h"

namespace isogloss::cuda {
namespace {

/// Keys, or in the pass over their gradients queries, that are worked on at a time.
constexpr int kTile = 64;
/// Of rounds in shared memory: one is worked on, by a group that is late perhaps the one before,
/// while the next two are copied.
constexpr int kStages = 4;
constexpr int kAhead = kStages - 2;

template <int width>
struct BackwardTiles {
    using Own = SwizzledTile<kBlockRows, width>;
    using Passing = SwizzledTile<kTile, width>;

    SharedAddress first_byte;

    /// Of the block's rows: q and dout of queries, or k and v of keys.
    [[nodiscard]] __device__ Own own(int which) const { return after(Own{first_byte}, which); }
    /// Of the rows that it passes over, the other two.
    [[nodiscard]] __device__ Passing passing(int which, int round) const {
        return after(Passing{after(own(1)).first}, 2 * (round % kStages) + which);
    }
    static constexpr int kBytes = 2 * Own::kBytes + 2 * kStages * Passing::kBytes;
};

/// What the gradient of scores needs to know of a lane's two queries.
struct LaneQueries {
    float log_sum[2];  ///< base 2
    float delta[2];

    __device__ LaneQueries(AttentionBackward<bf16> const& pass, int begin) {
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

/// A block owns queries of one head and passes over the tiles of keys that they see.
template <int width>
__global__ void __launch_bounds__(kBlockThreads, 1)
    group_query_gradient_kernel(AttentionBackward<bf16> pass) {
    extern __shared__ __align__(kSwizzleBytes) unsigned char shared[];
    __shared__ Rounds<kStages> rounds;
    auto const& s = pass.shape;
    BackwardTiles<width> const tiles{shared_address(shared)};
    KeyHeads const heads(pass.qkv, s);
    int const begin = first_query_of_block();
    int const group_row = warp_group() * kGroupRows;
    int const row = row_of_warp();
    auto const* const start = pass.document_start + blockIdx.z * s.row_length;
    int const last_query = min(begin + kBlockRows, static_cast<int>(s.row_length)) - 1;
    int const last_start = start[last_query];
    Visible visible;
    visible.set(start, begin + row, s);
    float const scale = rsqrtf(static_cast<float>(width));
    float const scale_base2 = scale * kLog2OfE;
    LaneQueries const queries(pass, begin + row);
    int const first_key = start[begin] / kTile * kTile;
    int const num_rounds = (last_query - first_key) / kTile + 1;
    auto const load_keys = [&](int round) {
        if (round < num_rounds) {
            rounds.wait_for_place(round);
            load_async(heads.key, first_key + round * kTile, s, tiles.passing(0, round));
            load_async(heads.value, first_key + round * kTile, s, tiles.passing(1, round));
            rounds.copies_begun(round);
        }
    };

    rounds.begin();
    auto const all_heads = s.heads + 2 * s.kv_heads;
    load_async(head_of(pass.qkv, all_heads, blockIdx.y, s), begin, s, tiles.own(0));
    load_async(head_of(pass.dout, s.heads, blockIdx.y, s), begin, s, tiles.own(1));
    for (int round = 0; round < kAhead; ++round) {
        load_keys(round);
    }
    Results<width> sum = {};
    Results<kTile> score;
    Results<kTile> slope;
    LeftOperands<kTile / 8> operand;
    for (int round = 0; round < num_rounds; ++round) {
        int const key = first_key + round * kTile;
        load_keys(round + kAhead);
        rounds.wait_for_tiles(round);
        if (key > begin + group_row + kGroupRows - 1) {
            rounds.release(round);
            continue;  // all these keys come after all this group's queries
        }
        begin_products();
        begin_product_of_rows(tiles.own(0), group_row, tiles.passing(0, round), score);
        begin_product_of_rows(tiles.own(1), group_row, tiles.passing(1, round), slope);
        wait_for_groups<1>();
        hold(score);
        if (key + kTile > begin + group_row || key < last_start) {
            hide(score, visible, key);
        }
#pragma unroll
        for (int j = 0; j < kTile / 8; ++j) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                score[j][i] = exp2_fast(score[j][i] * scale_base2 - queries.log_sum[i / 2]);
            }
        }
        wait_for_groups<0>();
        hold(slope);
#pragma unroll
        for (int j = 0; j < kTile / 8; ++j) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                slope[j][i] = score[j][i] * (slope[j][i] - queries.delta[i / 2]);
            }
        }
        operand.take(slope);
        begin_products();
        begin_adding_product(operand, tiles.passing(0, round), sum);
        wait_for_groups<0>();
        rounds.release(round);
        hold(sum);
    }
    float const factor[2] = {scale, scale};
    write<width>(sum, factor, head_of(pass.dqkv, all_heads, blockIdx.y, s), begin + row, s);
}

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

/// End of the tiles of queries that see keys [begin, begin + kBlockRows). Documents never begin
/// earlier along a row, so these tiles are the first ones from `begin` on.
__device__ int end_of_query_tiles(std::int32_t const* start, int begin, int length) {
    int num_tiles = 0;
    int const lane = static_cast<int>(threadIdx.x) % kWarp;
    for (int first = begin + lane * kTile; first < length; first += kWarp * kTile) {
        num_tiles += start[first] < begin + kBlockRows ? 1 : 0;
    }
    return begin + __reduce_add_sync(kAllLanes, num_tiles) * kTile;  // one value to the compiler
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
    __shared__ Rounds<kStages> rounds;
    __shared__ TileQueries queries[kStages];
    auto const& s = pass.shape;
    BackwardTiles<width> const tiles{shared_address(shared)};
    auto const all_heads = s.heads + 2 * s.kv_heads;
    std::int64_t const key_head = s.heads + blockIdx.y;
    std::int64_t const value_head = key_head + s.kv_heads;
    int const begin = static_cast<int>(blockIdx.x) * kBlockRows;
    int const group_row = warp_group() * kGroupRows;
    int const row = row_of_warp();
    int const end = end_of_query_tiles(
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
        queries[round % kStages].load_async(pass, coming.head, coming.first);
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
        auto const& its = queries[round % kStages];
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

template <int width>
void group_backward(AttentionBackward<bf16> const& pass, Stream stream) {
    constexpr int kBytes = BackwardTiles<width>::kBytes;
    launch_groups(group_query_gradient_kernel<width>, kBytes, pass.shape.heads, pass, stream);
    launch_groups(group_key_gradient_kernel<width>, kBytes, pass.shape.kv_heads, pass, stream);
}

}  // namespace

void hopper_attention_backward(AttentionBackward<bf16> const& pass, Stream stream) {
    if (pass.shape.head_width == 64) {
        group_backward<64>(pass, stream);
    } else {
        group_backward<128>(pass, stream);
    }
}

}  // namespace isogloss::cuda

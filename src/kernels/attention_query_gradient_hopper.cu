// kernels/attention_query_gradient_hopper.cu
#include "kernels/attention_backward_hopper.h"

namespace isogloss::cuda {
namespace {

/// A block owns queries of one head and passes over the tiles of keys that they see.
template <int width>
__global__ void __launch_bounds__(kBlockThreads, 1)
    group_query_gradient_kernel(AttentionBackward<bf16> pass) {
    extern __shared__ __align__(kSwizzleBytes) unsigned char shared[];
    __shared__ Rounds<kBackwardStages> rounds;
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
    QueryPair const queries(pass, begin + row);
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

}  // namespace

void hopper_query_gradients(AttentionBackward<bf16> const& pass, Stream stream) {
    with_head_width(pass.shape, [&](auto width) {
        launch_groups(
            group_query_gradient_kernel<width.value>, BackwardTiles<width.value>::kBytes,
            pass.shape.heads, pass, stream
        );
    });
}

void hopper_attention_backward(AttentionBackward<bf16> const& pass, Stream stream) {
    hopper_query_gradients(pass, stream);
    hopper_key_gradients(pass, stream);
}

}  // namespace isogloss::cuda

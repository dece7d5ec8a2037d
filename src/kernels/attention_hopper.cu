// kernels/attention_hopper.cu
#include "kernels/attention_softmax.h"
#include "kernels/attention_wgmma.h"

namespace isogloss::cuda {
namespace {

/// Keys that are worked on at a time.
constexpr int kKeys = 128;

/// Of rounds in shared memory: one is worked on, by a group that is late perhaps the one before,
/// while the next is copied.
constexpr int kStages = 3;

/// In shared memory: the block's queries, and of each stage the keys of a tile and the values of
/// the tile before.
template <int width>
struct ForwardTiles {
    using Keys = SwizzledTile<kKeys, width>;
    SwizzledTile<kBlockRows, width> q;

    [[nodiscard]] __device__ Keys k(int round) const {
        return after(Keys{after(q).first}, round % kStages);
    }
    [[nodiscard]] __device__ Keys v(int round) const {
        return after(Keys{after(q).first}, kStages + round % kStages);
    }
    static constexpr int kBytes =
        SwizzledTile<kBlockRows, width>::kBytes + 2 * kStages * Keys::kBytes;
};

/// A block owns queries of one head and passes over the tiles of keys that they see. While the
/// probabilities of a tile are multiplied with its values, the scores of the next one are made and
/// become probabilities (Shah et al., arXiv:2407.08608, section 3.2).
template <int width>
__global__ void __launch_bounds__(kBlockThreads, 1)
    group_forward_kernel(AttentionForward<bf16> pass) {
    extern __shared__ __align__(kSwizzleBytes) unsigned char shared[];
    __shared__ Rounds<kStages> rounds;
    auto const& s = pass.shape;
    ForwardTiles<width> const tiles{{shared_address(shared)}};
    KeyHeads const heads(pass.qkv, s);
    int const begin = first_query_of_block();
    int const group_row = warp_group() * kGroupRows;
    int const row = row_of_warp();
    auto const* const start = pass.document_start + blockIdx.z * s.row_length;
    int const last_query = min(begin + kBlockRows, static_cast<int>(s.row_length)) - 1;
    int const last_start = start[last_query];
    int const first = start[begin] / kKeys * kKeys;
    int const num_tiles = last_query / kKeys + 1 - first / kKeys;
    Visible visible;
    visible.set(start, begin + row, s);
    float const scale = kLog2OfE * rsqrtf(static_cast<float>(width));

    // Round t makes the scores of tile t and adds the values of tile t - 1.
    auto const load_round = [&](int t) {
        if (t > num_tiles) {
            return;
        }
        rounds.wait_for_place(t);
        if (t < num_tiles) {
            load_async(heads.key, first + t * kKeys, s, tiles.k(t));
        }
        if (t > 0) {
            load_async(heads.value, first + (t - 1) * kKeys, s, tiles.v(t));
        }
        rounds.copies_begun(t);
    };
    auto const begin_round = [&](int t) {
        load_round(t + 1);
        rounds.wait_for_tiles(t);
        begin_products();
    };
    rounds.begin();
    load_async(head_of(pass.qkv, s.heads + 2 * s.kv_heads, blockIdx.y, s), begin, s, tiles.q);
    load_round(0);
    Softmax softmax;
    Results<width> sum = {};
    Results<kKeys> score;
    LeftOperands<kKeys / 8> probability;
    auto const take_scores = [&](int t) {
        hold(score);
        int const key = first + t * kKeys;
        if (key + kKeys > begin + group_row || key < last_start) {
            hide(score, visible, key);
        }
        return softmax.take(score, scale);
    };
    begin_round(0);
    begin_product_of_rows(tiles.q, group_row, tiles.k(0), score);
    wait_for_groups<0>();
    rounds.release(0);
    take_scores(0);
    probability.take(score);
    for (int t = 1; t < num_tiles; ++t) {
        begin_round(t);
        begin_product_of_rows(tiles.q, group_row, tiles.k(t), score);
        begin_adding_product(probability, tiles.v(t), sum);
        wait_for_groups<1>();
        Kept const kept = take_scores(t);
        wait_for_groups<0>();
        rounds.release(t);
        hold(sum);
        rescale(kept, sum);
        probability.take(score);
    }
    begin_round(num_tiles);
    begin_adding_product(probability, tiles.v(num_tiles), sum);
    wait_for_groups<0>();
    hold(sum);
    finish<width>(softmax, sum, scale, begin + row, pass);
}

template <int width>
void group_forward(AttentionForward<bf16> const& pass, Stream stream) {
    launch_groups(
        group_forward_kernel<width>, ForwardTiles<width>::kBytes, pass.shape.heads, pass, stream
    );
}

}  // namespace

bool hopper_attention_serves(AttentionShape const& shape, bf16 const* qkv, bf16 const* out) {
    int device = 0;
    int major = 0;
    ISOGLOSS_CUDA(cudaGetDevice(&device));
    ISOGLOSS_CUDA(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
    constexpr int kHopper = 9;
    return major == kHopper && mma_attention_serves(shape, qkv, out);
}

void hopper_attention(AttentionForward<bf16> const& pass, Stream stream) {
    with_head_width(pass.shape, [&](auto width) { group_forward<width.value>(pass, stream); });
}

}  // namespace isogloss::cuda

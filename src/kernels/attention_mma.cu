// kernels/attention_mma.cu
#include "kernels/attention_mma.h"
#include "kernels/attention_softmax.h"

namespace isogloss::cuda {
namespace {

/// Tiles of queries a warp, and keys that are worked on at a time: as many as registers hold.
constexpr int kTiles = 2;
template <int width>
constexpr int kKeysOf = width > 64 ? 32 : 64;

/// A block owns queries of one head and passes over the tiles of keys that they see.
template <int width>
__global__ void __launch_bounds__(kMmaThreads) forward_kernel(AttentionForward<bf16> pass) {
    extern __shared__ __align__(kVectorBytes) unsigned char shared[];
    constexpr int kQueries = kOwned<kTiles>;
    constexpr int kKeys = kKeysOf<width>;
    auto const& s = pass.shape;
    Tile<width> const q{shared_address(shared)};
    KeyTiles<width, kKeys> const keys(q.from(kQueries), pass.qkv, s);
    int const begin = begin_of_queries<kTiles>();
    int const row = warp_row<kTiles>();
    auto const* const start = pass.document_start + blockIdx.z * s.row_length;
    Visible visible[kTiles];
#pragma unroll
    for (int t = 0; t < kTiles; ++t) {
        visible[t].set(start, begin + row + kTileRows * t, s);
    }
    int const last_start = start[min(begin + kQueries, static_cast<int>(s.row_length)) - 1];
    float const scale = kLog2OfE * rsqrtf(static_cast<float>(width));

    int first = start[begin] / kKeys * kKeys;
    auto const query_head = head_of(pass.qkv, s.heads + 2 * s.kv_heads, blockIdx.y, s);
    load_async<kQueries>(query_head, begin, s, q);
    keys.load(first, 0, s);
    Softmax softmax[kTiles];
    TileResults<kTiles, width> sum = {};
    for (int stage = 0; first < begin + kQueries; first += kKeys, stage ^= 1) {
        wait_for_copies();
        __syncthreads();
        if (first + kKeys < begin + kQueries) {
            keys.load(first + kKeys, stage ^ 1, s);
        }
        if (first > begin + row + kTileRows * kTiles - 1) {
            continue;  // all these keys come after all this warp's queries
        }
        TileResults<kTiles, kKeys> score = {};
        multiply_by_rows(q, row, keys.k(stage), score);
        bool const some_hidden = first + kKeys > begin + row || first < last_start;
#pragma unroll
        for (int t = 0; t < kTiles; ++t) {
            if (some_hidden) {
                hide(score[t], visible[t], first);
            }
            rescale(softmax[t].take(score[t], scale), sum[t]);
        }
        add_product(score, keys.v(stage), sum);
    }
#pragma unroll
    for (int t = 0; t < kTiles; ++t) {
        finish<width>(softmax[t], sum[t], scale, begin + row + kTileRows * t, pass);
    }
}

template <int width>
void forward(AttentionForward<bf16> const& pass, Stream stream) {
    launch<width, kTiles>(
        forward_kernel<width>, kOwned<kTiles> + KeyTiles<width, kKeysOf<width>>::kRows,
        pass.shape.heads, pass, stream
    );
}

}  // namespace

bool mma_attention_serves(AttentionShape const& shape, bf16 const* qkv, bf16 const* out) {
    return (shape.head_width == 64 || shape.head_width == 128) &&
           all_aligned(kVectorBytes, qkv, out);
}

void mma_attention(AttentionForward<bf16> const& pass, Stream stream) {
    with_head_width(pass.shape, [&](auto width) { forward<width.value>(pass, stream); });
}

}  // namespace isogloss::cuda

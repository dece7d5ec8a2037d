// kernels/attention_mma_backward.cu
#include "kernels/attention_mma.h"

namespace isogloss::cuda {
namespace {

template <int width>
__global__ void __launch_bounds__(kMmaThreads) query_gradient_kernel(AttentionBackward<bf16> pass) {
    extern __shared__ __align__(kVectorBytes) unsigned char shared[];
    constexpr int kSize = Tile<width>::kStride;
    auto* const tiles = reinterpret_cast<bf16*>(shared);
    Tile<width> const q{tiles};
    Tile<width> const dout{tiles + kOwned * kSize};
    auto const k = [&](int stage) {
        return Tile<width>{tiles + (2 * kOwned + stage * kKeys) * kSize};
    };
    auto const v = [&](int stage) {
        return Tile<width>{tiles + (2 * kOwned + (2 + stage) * kKeys) * kSize};
    };
    auto const& s = pass.shape;
    auto const all_heads = s.heads + 2 * s.kv_heads;
    std::int64_t const kv = blockIdx.y / (s.heads / s.kv_heads);
    auto const key_head = head_of(pass.qkv, all_heads, s.heads + kv, s);
    auto const value_head = head_of(pass.qkv, all_heads, s.heads + s.kv_heads + kv, s);
    int const begin = begin_of_queries();
    int const row = static_cast<int>(threadIdx.x) / kWarp * kRowsOfWarp;
    auto const* const start = pass.document_start + blockIdx.z * s.row_length;
    Visible const visible(start, begin, s);
    int const last_start = start[min(begin + kOwned, static_cast<int>(s.row_length)) - 1];
    float const scale = rsqrtf(static_cast<float>(width));
    float log_sum[2];
    float delta[2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        int const query = min(begin + row_of(half), static_cast<int>(s.row_length) - 1);
        auto const at = (blockIdx.z * s.row_length + query) * s.heads + blockIdx.y;
        log_sum[half] = pass.log_sum[at] * kLog2OfE;
        delta[half] = pass.delta[at];
    }

    int first = start[begin] / kKeys * kKeys;
    load_async<kOwned>(head_of(pass.qkv, all_heads, blockIdx.y, s), begin, s, q);
    load_async<kOwned>(head_of(pass.dout, s.heads, blockIdx.y, s), begin, s, dout);
    load_async<kKeys>(key_head, first, s, k(0));
    load_async<kKeys>(value_head, first, s, v(0));
    Results<width> sum = {};
    for (int stage = 0; first < begin + kOwned; first += kKeys, stage ^= 1) {
        wait_for_copies();
        __syncthreads();
        if (first + kKeys < begin + kOwned) {
            load_async<kKeys>(key_head, first + kKeys, s, k(stage ^ 1));
            load_async<kKeys>(value_head, first + kKeys, s, v(stage ^ 1));
        }
        Results<kKeys> score = {};
        Results<kKeys> slope = {};
        multiply_by_rows(q, row, k(stage), score);
        multiply_by_rows(dout, row, v(stage), slope);
        if (first + kKeys > begin || first < last_start) {
            hide(score, visible, first);
        }
#pragma unroll
        for (int j = 0; j < kKeys / 8; ++j) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                float const weight = exp2_fast(score[j][i] * scale * kLog2OfE - log_sum[i / 2]);
                slope[j][i] = weight * (slope[j][i] - delta[i / 2]);
            }
        }
        add_product(slope, k(stage), sum);
    }
    float const factor[2] = {scale, scale};
    write<width>(sum, factor, head_of(pass.dqkv, all_heads, blockIdx.y, s), begin, s);
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
    constexpr int kSize = Tile<width>::kStride;
    auto* const tiles = reinterpret_cast<bf16*>(shared);
    Tile<width> const k{tiles};
    Tile<width> const v{tiles + kOwned * kSize};
    auto const q = [&](int stage) {
        return Tile<width>{tiles + (2 * kOwned + stage * kQueries) * kSize};
    };
    auto const dout = [&](int stage) {
        return Tile<width>{tiles + (2 * kOwned + (2 + stage) * kQueries) * kSize};
    };
    auto const& s = pass.shape;
    int const length = static_cast<int>(s.row_length);
    auto const all_heads = s.heads + 2 * s.kv_heads;
    std::int64_t const sharing = s.heads / s.kv_heads;
    std::int64_t const key_head = s.heads + blockIdx.y;
    int const begin = static_cast<int>(blockIdx.x) * kOwned;
    int const row = static_cast<int>(threadIdx.x) / kWarp * kRowsOfWarp;
    auto const* const start = pass.document_start + blockIdx.z * s.row_length;
    float const scale = rsqrtf(static_cast<float>(width));

    // Documents never begin earlier along a row, so the tiles of queries that see these keys are
    // the first ones.
    int num_tiles = 0;
    int const lane = static_cast<int>(threadIdx.x) % kWarp;
    for (int first = begin + lane * kQueries; first < length; first += kWarp * kQueries) {
        num_tiles += start[first] < begin + kOwned ? 1 : 0;
    }
    num_tiles = warp_sum(num_tiles);
    auto const load_queries = [&](int step, int stage) {
        std::int64_t const head = blockIdx.y * sharing + step / num_tiles;
        int const first = begin + step % num_tiles * kQueries;
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

    load_async<kOwned>(head_of(pass.qkv, all_heads, key_head, s), begin, s, k);
    load_async<kOwned>(head_of(pass.qkv, all_heads, key_head + s.kv_heads, s), begin, s, v);
    load_queries(0, 0);
    Results<width> dk = {};
    Results<width> dv = {};
    int const num_steps = static_cast<int>(sharing) * num_tiles;
    for (int step = 0; step < num_steps; ++step) {
        int const stage = step % 2;
        wait_for_copies();
        __syncthreads();
        if (step + 1 < num_steps) {
            load_queries(step + 1, stage ^ 1);
        }
        int const first = begin + step % num_tiles * kQueries;
        Results<kQueries> weight = {};
        Results<kQueries> slope = {};
        multiply_by_rows(k, row, q(stage), weight);
        multiply_by_rows(v, row, dout(stage), slope);
#pragma unroll
        for (int j = 0; j < kQueries / 8; ++j) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                int const query = 8 * j + column_of(i);
                int const key = begin + row_of(i / 2);
                bool const seen = facts[stage].start[query] <= key && key <= first + query;
                float const score = weight[j][i] * scale * kLog2OfE - facts[stage].log_sum[query];
                weight[j][i] = seen ? exp2_fast(score) : 0.0F;
                slope[j][i] = weight[j][i] * (slope[j][i] - facts[stage].delta[query]);
            }
        }
        add_product(weight, dout(stage), dv);
        add_product(slope, q(stage), dk);
    }
    float const scaled[2] = {scale, scale};
    float const ones[2] = {1.0F, 1.0F};
    write<width>(dk, scaled, head_of(pass.dqkv, all_heads, key_head, s), begin, s);
    write<width>(dv, ones, head_of(pass.dqkv, all_heads, key_head + s.kv_heads, s), begin, s);
}

template <int width>
void backward(AttentionBackward<bf16> const& pass, Stream stream) {
    launch<width>(
        query_gradient_kernel<width>, 2 * kOwned + 4 * kKeys, pass.shape.heads, pass, stream
    );
    launch<width>(
        key_gradient_kernel<width>, 2 * kOwned + 4 * kQueries, pass.shape.kv_heads, pass, stream
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

// kernels/attention_mma.cu
#include "kernels/attention_mma.h"

namespace isogloss::cuda {
namespace {

/// Largest score and sum of exponentials of a lane's two queries so far.
struct Softmax {
    float largest[2] = {-INFINITY, -INFINITY};
    float total[2] = {0.0F, 0.0F};  ///< of this lane's columns only

    /// Scores become exponentials; `sum` is brought to the new largest score.
    template <std::size_t count, std::size_t columns>
    __device__ void take(Result (&score)[count], float scale, Result (&sum)[columns]) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            float next = largest[half];
#pragma unroll
            for (int j = 0; j < static_cast<int>(count); ++j) {
                next = fmaxf(next, fmaxf(score[j][2 * half], score[j][2 * half + 1]));
            }
            next = row_max(next);
            // Where nothing is seen yet, 0 stands in, so that all exponentials are 0.
            float const base = next == -INFINITY ? 0.0F : next * scale;
            float const kept = exp2_fast(largest[half] * scale - base);
            largest[half] = next;
            total[half] *= kept;
#pragma unroll
            for (int j = 0; j < static_cast<int>(columns); ++j) {
                sum[j][2 * half] *= kept;
                sum[j][2 * half + 1] *= kept;
            }
#pragma unroll
            for (int j = 0; j < static_cast<int>(count); ++j) {
#pragma unroll
                for (int i = 2 * half; i < 2 * half + 2; ++i) {
                    score[j][i] = exp2_fast(score[j][i] * scale - base);
                    total[half] += score[j][i];
                }
            }
        }
    }
};

template <int width>
__global__ void __launch_bounds__(kMmaThreads) forward_kernel(AttentionForward<bf16> pass) {
    extern __shared__ __align__(kVectorBytes) unsigned char shared[];
    constexpr int kSize = Tile<width>::kStride;
    auto* const tiles = reinterpret_cast<bf16*>(shared);
    Tile<width> const q{tiles};
    auto const k = [&](int stage) { return Tile<width>{tiles + (kOwned + stage * kKeys) * kSize}; };
    auto const v = [&](int stage) {
        return Tile<width>{tiles + (kOwned + (2 + stage) * kKeys) * kSize};
    };
    auto const& s = pass.shape;
    auto const all_heads = s.heads + 2 * s.kv_heads;
    std::int64_t const kv = blockIdx.y / (s.heads / s.kv_heads);
    auto const key_head = head_of(pass.qkv, all_heads, s.heads + kv, s);
    auto const value_head = head_of(pass.qkv, all_heads, s.heads + s.kv_heads + kv, s);
    int const begin = begin_of_queries();
    auto const* const start = pass.document_start + blockIdx.z * s.row_length;
    Visible const visible(start, begin, s);
    int const last_start = start[min(begin + kOwned, static_cast<int>(s.row_length)) - 1];
    float const scale = kLog2OfE * rsqrtf(static_cast<float>(width));

    int first = start[begin] / kKeys * kKeys;
    load_async<kOwned>(head_of(pass.qkv, all_heads, blockIdx.y, s), begin, s, q);
    load_async<kKeys>(key_head, first, s, k(0));
    load_async<kKeys>(value_head, first, s, v(0));
    Softmax softmax;
    Results<width> sum = {};
    for (int stage = 0; first < begin + kOwned; first += kKeys, stage ^= 1) {
        wait_for_copies();
        __syncthreads();
        if (first + kKeys < begin + kOwned) {
            load_async<kKeys>(key_head, first + kKeys, s, k(stage ^ 1));
            load_async<kKeys>(value_head, first + kKeys, s, v(stage ^ 1));
        }
        Results<kKeys> score = {};
        multiply_by_rows(q, static_cast<int>(threadIdx.x) / kWarp * kRowsOfWarp, k(stage), score);
        if (first + kKeys > begin || first < last_start) {
            hide(score, visible, first);
        }
        softmax.take(score, scale, sum);
        add_product(score, v(stage), sum);
    }
    float factor[2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        float const total = row_sum(softmax.total[half]);
        factor[half] = 1.0F / total;
        int const query = begin + row_of(half);
        if (threadIdx.x % 4 == 0 && query < s.row_length) {
            pass.log_sum[(blockIdx.z * s.row_length + query) * s.heads + blockIdx.y] =
                softmax.largest[half] * scale / kLog2OfE + logf(total);
        }
    }
    write<width>(sum, factor, head_of(pass.out, s.heads, blockIdx.y, s), begin, s);
}

template <int width>
void forward(AttentionForward<bf16> const& pass, Stream stream) {
    launch<width>(forward_kernel<width>, kOwned + 4 * kKeys, pass.shape.heads, pass, stream);
}

}  // namespace

bool mma_attention_serves(AttentionShape const& shape, bf16 const* qkv, bf16 const* out) {
    return (shape.head_width == 64 || shape.head_width == 128) &&
           all_aligned(kVectorBytes, qkv, out);
}

void mma_attention(AttentionForward<bf16> const& pass, Stream stream) {
    if (pass.shape.head_width == 64) {
        forward<64>(pass, stream);
    } else {
        forward<128>(pass, stream);
    }
}

}  // namespace isogloss::cuda

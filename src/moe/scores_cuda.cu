// moe/scores_cuda.cu
#include "moe/cuda_launch.h"
#include "moe/scores.h"

// A layer has few experts, so these products are bound by reading x once. A library's kernels are
// made for large matrices on both sides and take float only.
namespace isogloss::cuda {
namespace {

constexpr int kTile = 4;  ///< tokens and experts that one warp scores at a time

// A warp scores kTile tokens: lanes share the width, in strides, and add up by halves.
template <class T>
__global__ void score_kernel(
    T const* x,
    float const* weight,
    std::int64_t tokens,
    std::int64_t width,
    std::int64_t experts,
    float* logits
) {
    auto const lane = static_cast<std::int64_t>(threadIdx.x % kWarp);
    auto const first = thread_place() / kWarp * kTile;
    if (first >= tokens) {
        return;
    }
    for (std::int64_t e0 = 0; e0 < experts; e0 += kTile) {
        float sum[kTile][kTile] = {};
        for (auto d = lane; d < width; d += kWarp) {
            float its[kTile];
            float row[kTile];
            for (int i = 0; i < kTile; ++i) {
                its[i] = first + i < tokens ? widen(x[(first + i) * width + d]) : 0.0F;
                row[i] = e0 + i < experts ? weight[(e0 + i) * width + d] : 0.0F;
            }
            for (int n = 0; n < kTile; ++n) {
                for (int e = 0; e < kTile; ++e) {
                    sum[n][e] += its[n] * row[e];
                }
            }
        }
        for (int n = 0; n < kTile; ++n) {
            for (int e = 0; e < kTile; ++e) {
                float const logit = warp_sum(sum[n][e]);
                if (lane == 0 && first + n < tokens && e0 + e < experts) {
                    logits[(first + n) * experts + e0 + e] = logit;
                }
            }
        }
    }
}

constexpr std::int64_t kRuns = 64;  ///< runs of tokens that are added up side by side
constexpr int kExperts = 8;         ///< of one pass over x

// part[run, e, d] = sum of dlogits[n, e] x[n, d] over the run's tokens, ascending. Grid: columns,
// runs, kExperts experts each.
template <class T>
__global__ void weights_kernel(
    float const* dlogits,
    T const* x,
    std::int64_t tokens,
    std::int64_t width,
    std::int64_t experts,
    float* part
) {
    auto const d = thread_place();
    if (d >= width) {
        return;
    }
    auto const length = (tokens + kRuns - 1) / kRuns;
    auto const begin = static_cast<std::int64_t>(blockIdx.y) * length;
    auto const end = min(begin + length, tokens);
    auto const e0 = static_cast<std::int64_t>(blockIdx.z) * kExperts;
    float sum[kExperts] = {};
    for (auto n = begin; n < end; ++n) {
        float const value = widen(x[n * width + d]);
        for (int e = 0; e < kExperts; ++e) {
            sum[e] += e0 + e < experts ? dlogits[n * experts + e0 + e] * value : 0.0F;
        }
    }
    for (int e = 0; e < kExperts; ++e) {
        if (e0 + e < experts) {
            part[(static_cast<std::int64_t>(blockIdx.y) * experts + e0 + e) * width + d] = sum[e];
        }
    }
}

__global__ void add_runs_kernel(float const* part, std::int64_t size, float* dweight) {
    auto const i = thread_place();
    if (i >= size) {
        return;
    }
    float sum = 0.0F;
    for (std::int64_t run = 0; run < kRuns; ++run) {
        sum += part[run * size + i];
    }
    dweight[i] += sum;
}

}  // namespace

template <class T>
void score(View<T const, 2> x, View<float const, 2> weight, View<float, 2> logits, Stream stream) {
    auto const [tokens, width] = x.shape;
    if (logits.size() == 0) {
        return;
    }
    auto const warps = (tokens + kTile - 1) / kTile;
    score_kernel<T><<<blocks_for(warps * kWarp), kThreads, 0, queue_of(stream).get()>>>(
        x.data, weight.data, tokens, width, weight.shape[0], logits.data
    );
    check_launch();
}

template <class T>
void score_weights(
    View<float const, 2> dlogits, View<T const, 2> x, View<float, 2> dweight, Stream stream
) {
    auto const [tokens, width] = x.shape;
    auto const experts = dweight.shape[0];
    if (tokens == 0 || dweight.size() == 0) {
        return;
    }
    auto& queue = queue_of(stream);
    auto* const part = queue.scratch_of<float>(kRuns * dweight.size());
    dim3 const grid(
        blocks_for(width), static_cast<unsigned>(kRuns),
        static_cast<unsigned>((experts + kExperts - 1) / kExperts)
    );
    weights_kernel<T>
        <<<grid, kThreads, 0, queue.get()>>>(dlogits.data, x.data, tokens, width, experts, part);
    check_launch();
    add_runs_kernel<<<blocks_for(dweight.size()), kThreads, 0, queue.get()>>>(
        part, dweight.size(), dweight.data
    );
    check_launch();
}

template decltype(score<float>) score<float>;
template decltype(score<bf16>) score<bf16>;
template decltype(score_weights<float>) score_weights<float>;
template decltype(score_weights<bf16>) score_weights<bf16>;

}  // namespace isogloss::cuda

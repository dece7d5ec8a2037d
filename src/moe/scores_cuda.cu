// moe/scores_cuda.cu
#include "moe/cuda_launch.h"
#include "moe/scores.h"

// A layer has few experts, so these products are bound by reading x once. A library's kernels are
// made for large matrices on both sides and take float only.
namespace isogloss::cuda {
namespace {

constexpr int kTile = 4;  ///< tokens and experts that one warp scores at a time

/// its[i] = elements [d, d + n) of rows first + i, zeros where there is none.
template <class T, std::size_t n>
__device__ void load_rows(
    T const* rows,
    std::int64_t first,
    std::int64_t count,
    std::int64_t width,
    std::int64_t d,
    float (&its)[kTile][n]
) {
#pragma unroll
    for (int i = 0; i < kTile; ++i) {
        if (first + i < count) {
            load(rows + (first + i) * width + d, its[i]);
        } else {
#pragma unroll
            for (std::size_t j = 0; j < n; ++j) {
                its[i][j] = 0.0F;
            }
        }
    }
}

// A warp scores kTile tokens: lanes share the width, n elements at a time, and add up by halves.
template <int n, class T>
__global__ void __launch_bounds__(kThreads) score_kernel(
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
        for (auto d = lane * n; d < width; d += kWarp * n) {
            float its[kTile][n];
            float row[kTile][n];
            load_rows(x, first, tokens, width, d, its);
            load_rows(weight, e0, experts, width, d, row);
#pragma unroll
            for (int i = 0; i < kTile * kTile; ++i) {
#pragma unroll
                for (int j = 0; j < n; ++j) {
                    sum[i / kTile][i % kTile] += its[i / kTile][j] * row[i % kTile][j];
                }
            }
        }
#pragma unroll
        for (int i = 0; i < kTile * kTile; ++i) {
            float const logit = warp_sum(sum[i / kTile][i % kTile]);
            auto const token = first + i / kTile;
            auto const expert = e0 + i % kTile;
            if (lane == 0 && token < tokens && expert < experts) {
                logits[token * experts + expert] = logit;
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
    constexpr int kPack = 4;  // elements whose products still fit a thread's registers
    with_pack_size<kPack>(all_aligned(kVectorBytes, x.data, weight.data), width, [&](auto pack) {
        score_kernel<decltype(pack)::value>
            <<<blocks_for(warps * kWarp), kThreads, 0, queue_of(stream).get()>>>(
                x.data, weight.data, tokens, width, weight.shape[0], logits.data
            );
    });
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

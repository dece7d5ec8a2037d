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

constexpr int kExperts = 8;  ///< of one pass over x
constexpr int kPack = 4;     ///< elements whose products still fit a thread's registers

/// Runs of tokens that are added up side by side: enough threads, and not too many partial sums.
std::int64_t runs_for(std::int64_t experts) {
    return std::clamp<std::int64_t>(512 / experts, 16, 128);
}

// part[run, e, d] = sum of dlogits[n, e] x[n, d] over the run's tokens, ascending; n columns a
// thread. Grid: columns, runs, kExperts experts each.
template <int n, class T>
__global__ void __launch_bounds__(kThreads) weights_kernel(
    float const* dlogits,
    T const* x,
    std::int64_t tokens,
    std::int64_t width,
    std::int64_t experts,
    float* part
) {
    auto const d = thread_place() * n;
    if (d >= width) {
        return;
    }
    auto const runs = static_cast<std::int64_t>(gridDim.y);
    auto const length = (tokens + runs - 1) / runs;
    auto const begin = static_cast<std::int64_t>(blockIdx.y) * length;
    auto const end = min(begin + length, tokens);
    auto const e0 = static_cast<std::int64_t>(blockIdx.z) * kExperts;
    float sum[kExperts][n] = {};
#pragma unroll 4
    for (auto token = begin; token < end; ++token) {
        float value[n];
        load(x + token * width + d, value);
#pragma unroll
        for (int e = 0; e < kExperts; ++e) {
            float const slope = e0 + e < experts ? dlogits[token * experts + e0 + e] : 0.0F;
#pragma unroll
            for (int j = 0; j < n; ++j) {
                sum[e][j] += slope * value[j];
            }
        }
    }
#pragma unroll
    for (int e = 0; e < kExperts; ++e) {
        if (e0 + e < experts) {
            auto const row = static_cast<std::int64_t>(blockIdx.y) * experts + e0 + e;
            store(sum[e], part + row * width + d);
        }
    }
}

__global__ void add_runs_kernel(
    float const* part, std::int64_t runs, std::int64_t size, float* dweight
) {
    auto const i = thread_place();
    if (i >= size) {
        return;
    }
    float sum = 0.0F;
#pragma unroll 8
    for (std::int64_t run = 0; run < runs; ++run) {
        sum += part[run * size + i];
    }
    dweight[i] += sum;
}

// dx[token, d] += sum of dlogits[token, e] weight[e, d]; kTile tokens and n columns a thread.
template <int n, class T>
__global__ void __launch_bounds__(kThreads) inputs_kernel(
    float const* dlogits,
    float const* weight,
    std::int64_t tokens,
    std::int64_t width,
    std::int64_t experts,
    T* dx
) {
    auto const packs = width / n;
    auto const first = thread_place() / packs * kTile;
    auto const d = thread_place() % packs * n;
    if (first >= tokens) {
        return;
    }
    float sum[kTile][n] = {};
    for (std::int64_t e = 0; e < experts; ++e) {
        float row[n];
        load(weight + e * width + d, row);
#pragma unroll
        for (int i = 0; i < kTile; ++i) {
            float const slope = first + i < tokens ? dlogits[(first + i) * experts + e] : 0.0F;
#pragma unroll
            for (int j = 0; j < n; ++j) {
                sum[i][j] += slope * row[j];
            }
        }
    }
#pragma unroll
    for (int i = 0; i < kTile; ++i) {
        if (first + i < tokens) {
            float its[n];
            T* const place = dx + (first + i) * width + d;
            load(place, its);
#pragma unroll
            for (int j = 0; j < n; ++j) {
                its[j] += sum[i][j];
            }
            store(its, place);
        }
    }
}

}  // namespace

template <class T>
void score(View<T const, 2> x, View<float const, 2> weight, View<float, 2> logits, Stream stream) {
    auto const [tokens, width] = x.shape;
    if (logits.size() == 0) {
        return;
    }
    auto const warps = (tokens + kTile - 1) / kTile;
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
    auto const runs = runs_for(experts);
    auto* const part = queue.scratch_of<float>(runs * dweight.size());
    with_pack_size<kPack>(all_aligned(kVectorBytes, x.data, part), width, [&](auto pack) {
        constexpr int n = decltype(pack)::value;
        dim3 const grid(
            blocks_for(width / n), static_cast<unsigned>(runs),
            static_cast<unsigned>((experts + kExperts - 1) / kExperts)
        );
        weights_kernel<n><<<grid, kThreads, 0, queue.get()>>>(
            dlogits.data, x.data, tokens, width, experts, part
        );
    });
    check_launch();
    add_runs_kernel<<<blocks_for(dweight.size()), kThreads, 0, queue.get()>>>(
        part, runs, dweight.size(), dweight.data
    );
    check_launch();
}

template <class T>
void score_inputs(
    View<float const, 2> dlogits, View<float const, 2> weight, View<T, 2> dx, Stream stream
) {
    auto const [tokens, width] = dx.shape;
    if (dx.size() == 0) {
        return;
    }
    with_pack_size<kPack>(all_aligned(kVectorBytes, dx.data, weight.data), width, [&](auto pack) {
        constexpr int n = decltype(pack)::value;
        auto const tiles = (tokens + kTile - 1) / kTile;
        inputs_kernel<n><<<blocks_for(tiles * (width / n)), kThreads, 0, queue_of(stream).get()>>>(
            dlogits.data, weight.data, tokens, width, weight.shape[0], dx.data
        );
    });
    check_launch();
}

template decltype(score<float>) score<float>;
template decltype(score<bf16>) score<bf16>;
template decltype(score_weights<float>) score_weights<float>;
template decltype(score_weights<bf16>) score_weights<bf16>;
template decltype(score_inputs<float>) score_inputs<float>;
template decltype(score_inputs<bf16>) score_inputs<bf16>;

}  // namespace isogloss::cuda

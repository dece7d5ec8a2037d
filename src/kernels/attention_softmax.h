// kernels/attention_softmax.h - the softmax of a tile of queries, taken as its scores come. For .cu
// files only.
#pragma once

#include "kernels/attention_mma.h"

namespace isogloss::cuda {

/// What sums so far must be multiplied with, for a lane's two queries of a tile.
struct Kept {
    float factor[2];
};

/// Largest score and sum of exponentials of a lane's two queries of a tile so far.
struct Softmax {
    float largest[2] = {-INFINITY, -INFINITY};
    float total[2] = {0.0F, 0.0F};  ///< of this lane's columns only

    /// Scores become exponentials; returns what brings earlier sums to the new largest score.
    template <std::size_t count>
    __device__ Kept take(Result (&score)[count], float scale) {
        Kept kept;
        float base[2];
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            float next = largest[half];
#pragma unroll
            for (int j = 0; j < static_cast<int>(count); ++j) {
                next = fmaxf(next, fmaxf(score[j][2 * half], score[j][2 * half + 1]));
            }
            next = row_max(next);
            // Where nothing is seen yet, 0 stands in, so that all exponentials are 0.
            base[half] = next == -INFINITY ? 0.0F : next * scale;
            kept.factor[half] = exp2_fast(largest[half] * scale - base[half]);
            largest[half] = next;
            total[half] *= kept.factor[half];
        }
#pragma unroll
        for (int j = 0; j < static_cast<int>(count); ++j) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                score[j][i] = exp2_fast(score[j][i] * scale - base[i / 2]);
                total[i / 2] += score[j][i];
            }
        }
        return kept;
    }
};

template <std::size_t columns>
__device__ void rescale(Kept const& kept, Result (&sum)[columns]) {
    if (__any_sync(kAllLanes, kept.factor[0] != 1.0F || kept.factor[1] != 1.0F)) {
#pragma unroll
        for (int j = 0; j < static_cast<int>(columns); ++j) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                sum[j][i] *= kept.factor[i / 2];
            }
        }
    }
}

/// Writes a tile's results: the weighted sums over their softmax's sums, and those sums' logs.
template <int width>
__device__ void finish(
    Softmax const& softmax,
    Results<width> const& sum,
    float scale,
    int begin,
    AttentionForward<bf16> const& pass
) {
    auto const& s = pass.shape;
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

}  // namespace isogloss::cuda

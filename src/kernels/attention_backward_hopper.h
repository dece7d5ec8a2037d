// kernels/attention_backward_hopper.h - the two passes of attention's backward pass by warp groups.
// For files *_hopper.cu only.
#pragma once

#include "kernels/attention_wgmma.h"

namespace isogloss::cuda {

/// Keys, or in the pass over their gradients queries, that are worked on at a time.
constexpr int kTile = 64;
/// Of rounds in shared memory: one is worked on, by a group that is late perhaps the one before,
/// while the next two are copied.
constexpr int kBackwardStages = 4;
constexpr int kAhead = kBackwardStages - 2;

template <int width>
struct BackwardTiles {
    using Own = SwizzledTile<kBlockRows, width>;
    using Passing = SwizzledTile<kTile, width>;

    SharedAddress first_byte;

    /// Of the block's rows: q and dout of queries, or k and v of keys.
    [[nodiscard]] __device__ Own own(int which) const { return after(Own{first_byte}, which); }
    /// Of the rows that it passes over, the other two.
    [[nodiscard]] __device__ Passing passing(int which, int round) const {
        return after(Passing{after(own(1)).first}, 2 * (round % kBackwardStages) + which);
    }
    static constexpr int kBytes = 2 * Own::kBytes + 2 * kBackwardStages * Passing::kBytes;
};

/// Gradients of queries: a block owns queries and passes over keys.
void hopper_query_gradients(AttentionBackward<bf16> const& pass, Stream stream);
/// Gradients of keys and values: a block owns keys and passes over queries.
void hopper_key_gradients(AttentionBackward<bf16> const& pass, Stream stream);

}  // namespace isogloss::cuda

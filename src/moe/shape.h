// moe/shape.h - the extents of a mixture-of-experts layer.
#pragma once

#include <cstdint>

#include "moe/feed_forward.h"
#include "moe/routing.h"

namespace isogloss {

struct MoeShape {
    std::int64_t width = 0;   ///< D
    std::int64_t hidden = 0;  ///< F, of one expert
    std::int32_t top_k = 1;   ///< K; a layer with fewer experts uses them all
    FeedForwardKind feed_forward = FeedForwardKind::swiglu;
    GateScale gates = GateScale::renormalised;
    std::int64_t shared_hidden = 0;  ///< Fs, of the shared expert; 0: there is none

    /// Rows of an expert's first matrix: 2F with a gate, else F.
    [[nodiscard]] std::int64_t first() const { return first_rows(feed_forward, hidden); }
};

}  // namespace isogloss

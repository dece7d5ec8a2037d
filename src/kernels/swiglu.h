// kernels/swiglu.h - the gated activation of the feed-forward.
#pragma once

#include "device/view.h"

namespace isogloss {

/// y[n, f] = silu(gate_up[n, f]) * gate_up[n, F + f],  silu(z) = z / (1 + exp(-z))
///
/// Shazeer, "GLU Variants Improve Transformer", arXiv:2002.05202, eq. 6.
/// @param gate_up  [N, 2F]: the gate's half, then the other
/// @param y        [N, F] out
template <class T>
void swiglu(View<T const, 2> gate_up, View<T, 2> y, Stream stream);

/// dgate_up [N, 2F] = d loss / d gate_up for dy [N, F]; may be gate_up itself.
template <class T>
void swiglu_backward(
    View<T const, 2> gate_up, View<T const, 2> dy, View<T, 2> dgate_up, Stream stream
);

}  // namespace isogloss

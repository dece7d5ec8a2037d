// kernels/gelu.h - the activations of feed-forwards with GELU, plain and as a gate.
#pragma once

#include "device/view.h"

namespace isogloss {

/// y[n, f] = gelu(x[n, f]),  gelu(z) = z/2 (1 + tanh(u)) = z / (1 + exp(-2u)),
///                           u = sqrt(2/pi) (z + 0.044715 z^3)
///
/// The tanh form of Hendrycks and Gimpel, arXiv:1606.08415, section 2.        x, y [N, F]
template <class T>
void gelu(View<T const, 2> x, View<T, 2> y, Stream stream);

/// dx = d loss / d x for dy, all [N, F]; dx may be x itself.
template <class T>
void gelu_backward(View<T const, 2> x, View<T const, 2> dy, View<T, 2> dx, Stream stream);

/// y[n, f] = gelu(gate_up[n, f]) * gate_up[n, F + f]
///
/// Shazeer, "GLU Variants Improve Transformer", arXiv:2002.05202, eq. 6.
/// @param gate_up  [N, 2F]: the gate's half, then the other
/// @param y        [N, F] out
template <class T>
void geglu(View<T const, 2> gate_up, View<T, 2> y, Stream stream);

/// dgate_up [N, 2F] = d loss / d gate_up for dy [N, F]; may be gate_up itself.
template <class T>
void geglu_backward(
    View<T const, 2> gate_up, View<T const, 2> dy, View<T, 2> dgate_up, Stream stream
);

}  // namespace isogloss

// moe/shared_gate.h - the gate of a shared expert: a sigmoid of one score a token.
#pragma once

#include "device/view.h"

namespace isogloss {

// N tokens, D width. Scores, gates and their gradients are in float, rows of type T.

/// gate[n] = 1 / (1 + exp(-sum_d x[n, d] weight[0, d])).    x [N, D], weight [1, D], gate [N] out
template <class T>
void shared_gate(View<T const, 2> x, View<T const, 2> weight, View<float, 1> gate, Stream stream);

/// y[n, d] += gate[n] z[n, d], rounded once.                z [N, D], gate [N], y [N, D]
template <class T>
void add_gated(View<T const, 2> z, View<float const, 1> gate, View<T, 2> y, Stream stream);

/// What y += gate z leaves for its gradient.
template <class T>
struct GatedRows {
    View<T const, 2> z;         ///< [N, D]
    View<float const, 1> gate;  ///< [N]
};

/// dz[n, d] = gate[n] dy[n, d];  dscore[n] = gate[n] (1 - gate[n]) sum_d dy[n, d] z[n, d].
///
/// @param dy      [N, D]
/// @param dz      [N, D] out
/// @param dscore  [N] out
template <class T>
void shared_gate_backward(
    View<T const, 2> dy,
    GatedRows<T> const& rows,
    View<T, 2> dz,
    View<float, 1> dscore,
    Stream stream
);

/// dx[n, d] += part[n, d] + dscore[n] weight[0, d], rounded once: what reaches a token through the
/// expert and through its gate.
///
/// @param part    [N, D]
/// @param dscore  [N]
/// @param weight  [1, D]
/// @param dx      [N, D]
template <class T>
void add_shared_input(
    View<T const, 2> part,
    View<float const, 1> dscore,
    View<T const, 2> weight,
    View<T, 2> dx,
    Stream stream
);

// One definition a device. Call the functions above.
namespace cpu {
template <class T>
void shared_gate(View<T const, 2> x, View<T const, 2> weight, View<float, 1> gate);
template <class T>
void add_gated(View<T const, 2> z, View<float const, 1> gate, View<T, 2> y);
template <class T>
void shared_gate_backward(
    View<T const, 2> dy, GatedRows<T> const& rows, View<T, 2> dz, View<float, 1> dscore
);
template <class T>
void add_shared_input(
    View<T const, 2> part, View<float const, 1> dscore, View<T const, 2> weight, View<T, 2> dx
);
}  // namespace cpu

namespace cuda {
template <class T>
void shared_gate(View<T const, 2> x, View<T const, 2> weight, View<float, 1> gate, Stream stream);
template <class T>
void add_gated(View<T const, 2> z, View<float const, 1> gate, View<T, 2> y, Stream stream);
template <class T>
void shared_gate_backward(
    View<T const, 2> dy,
    GatedRows<T> const& rows,
    View<T, 2> dz,
    View<float, 1> dscore,
    Stream stream
);
template <class T>
void add_shared_input(
    View<T const, 2> part,
    View<float const, 1> dscore,
    View<T const, 2> weight,
    View<T, 2> dx,
    Stream stream
);
}  // namespace cuda

}  // namespace isogloss

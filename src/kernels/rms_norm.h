// kernels/rms_norm.h - root-mean-square normalisation, with the residual sum before it.
#pragma once

#include "device/view.h"

namespace isogloss {

/// What a norm multiplies by: gain[d] = offset + weight[d]. An offset of 1 is that of models which
/// store the difference from 1. Becomes a number in float, whatever the weight's type.
template <class T>
struct NormGain {
    View<T const, 1> weight;  ///< [D]
    float offset;

    NormGain(View<T const, 1> a_weight, float an_offset = 0.0F)  // NOLINT: a weight is a gain
        : weight(a_weight), offset(an_offset) {}
    NormGain(View<T, 1> a_weight) : NormGain(View<T const, 1>(a_weight)) {}  // NOLINT: the same
};

/// y[n, d] = gain[d] * x[n, d] * inverse[n],   inverse[n] = 1 / sqrt(mean_d(x[n, :]^2) + epsilon)
///
/// Zhang and Sennrich, "Root Mean Square Layer Normalization", arXiv:1910.07467, eq. 4.
///
/// @param x        [N, D]
/// @param epsilon  added to the mean square, so in units of x squared; must be > 0
/// @param y        [N, D] out
/// @param inverse  [N] out: kept for the backward pass
/// Sums in float for every type.
template <class T>
void rms_norm(
    View<T const, 2> x,
    NormGain<T> const& gain,
    float epsilon,
    View<T, 2> y,
    View<float, 1> inverse,
    Stream stream
);

/// x += delta, then rms_norm of the sum: one pass over memory. delta [N, D].
template <class T>
void add_rms_norm(
    View<T, 2> x,
    View<T const, 2> delta,
    NormGain<T> const& gain,
    float epsilon,
    View<T, 2> y,
    View<float, 1> inverse,
    Stream stream
);

/// dx += d loss / d x and dgain += d loss / d gain (also that of its weight), for dy = d loss / d
/// y.
///
/// dx is added to because it already holds the gradient that came along the residual.
/// @param dgain  [D], or a view whose data is null when the gain is frozen
template <class T>
void rms_norm_backward(
    View<T const, 2> dy,
    View<T const, 2> x,
    NormGain<T> const& gain,
    View<float const, 1> inverse,
    View<T, 2> dx,
    View<float, 1> dgain,
    Stream stream
);

}  // namespace isogloss

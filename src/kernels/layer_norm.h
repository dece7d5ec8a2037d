// kernels/layer_norm.h - layer normalisation, with the residual sum before it.
#pragma once

#include "device/view.h"

namespace isogloss {

template <class T>
struct LayerNormWeights {
    View<T const, 1> gain;  ///< [D]
    View<T const, 1> bias;  ///< [D]; the backward pass does not look at it
};

/// What the forward pass leaves for the backward pass, of each row.
struct LayerMoments {
    View<float, 1> mean;     ///< [N]
    View<float, 1> inverse;  ///< [N]
};

/// y[n, d] = gain[d] * (x[n, d] - mean[n]) * inverse[n] + bias[d],
/// mean[n] = mean_d x[n, :],   inverse[n] = 1 / sqrt(mean_d((x[n, :] - mean[n])^2) + epsilon)
///
/// Ba et al., "Layer Normalization", arXiv:1607.06450, eq. 4.
///
/// @param x        [N, D]
/// @param epsilon  in units of x squared; must be > 0
/// @param y        [N, D] out
/// @param moments  out
/// Sums in float for every type.
template <class T>
void layer_norm(
    View<T const, 2> x,
    LayerNormWeights<T> const& weights,
    float epsilon,
    View<T, 2> y,
    LayerMoments const& moments,
    Stream stream
);

/// x += delta, then layer_norm of the sum: one pass over memory. delta [N, D].
template <class T>
void add_layer_norm(
    View<T, 2> x,
    View<T const, 2> delta,
    LayerNormWeights<T> const& weights,
    float epsilon,
    View<T, 2> y,
    LayerMoments const& moments,
    Stream stream
);

/// Null data where the weights are frozen: both or none.
struct LayerNormGradients {
    View<float, 1> gain;  ///< [D]
    View<float, 1> bias;  ///< [D]
};

/// dx += d loss / d x, and adds to the weights' gradients, for dy = d loss / d y.
///
/// dx is added to because it already holds the gradient that came along the residual.
template <class T>
void layer_norm_backward(
    View<T const, 2> dy,
    View<T const, 2> x,
    LayerNormWeights<T> const& weights,
    LayerMoments const& moments,
    View<T, 2> dx,
    LayerNormGradients const& gradients,
    Stream stream
);

}  // namespace isogloss

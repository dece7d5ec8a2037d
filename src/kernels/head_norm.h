// kernels/head_norm.h - the RMS norm of each query's and key's head.
#pragma once

#include "device/view.h"

namespace isogloss {

/// Gains of the heads of a token: queries first, then keys; heads after those stay as they are.
template <class T>
struct HeadNorm {
    std::int64_t queries = 0;     ///< H heads
    std::int64_t keys = 0;        ///< G heads
    View<T const, 1> query_gain;  ///< [W]
    View<T const, 1> key_gain;    ///< [W]
    float epsilon = 0.0F;

    [[nodiscard]] std::int64_t heads() const { return queries + keys; }
};

/// y[n, h, w] = gain[w] * x[n, h, w] * inverse[n, h],
/// inverse[n, h] = 1 / sqrt(mean_w(x[n, h, :]^2) + epsilon)    for h < H + G;  else y = x.
///
/// Zhang and Sennrich, arXiv:1910.07467, eq. 4, over one head: Henry et al., arXiv:2010.04245.
///
/// @param x        [N, heads, W]: queries, keys and values of a token side by side
/// @param y        [N, heads, W] out
/// @param inverse  [N, H + G] out: kept for the backward pass
template <class T>
void head_norm(
    View<T const, 3> x, HeadNorm<T> const& norm, View<T, 3> y, View<float, 2> inverse, Stream stream
);

/// Null data where the gains are frozen: both or none.
struct HeadNormGradients {
    View<float, 1> query_gain;  ///< [W]
    View<float, 1> key_gain;    ///< [W]
};

/// dy [N, heads, W] = d loss / d y becomes d loss / d x; adds to the gains' gradients.
template <class T>
void head_norm_backward(
    View<T const, 3> x,
    HeadNorm<T> const& norm,
    View<float const, 2> inverse,
    View<T, 3> dy,
    HeadNormGradients const& gradients,
    Stream stream
);

}  // namespace isogloss

// moe/router.h - scores experts for tokens, and the gradient of the scores.
#pragma once

#include "device/arena.h"
#include "device/view.h"

namespace isogloss {

/// The router's work on N tokens, kept for the backward pass.
struct RouterChoice {
    View<float, 2> probs;          ///< [N, E] softmax over all experts
    View<float, 2> gate;           ///< [N, K] renormalised over the chosen
    View<std::int32_t, 2> expert;  ///< [N, K]
};

/// logits = float(x) weight^T, in float also where x is bf16; then top_k_softmax. Taken from
/// `arena`.                                            x [N, D], weight [E, D], K = choices
template <class T>
RouterChoice route(
    View<T const, 2> x,
    View<float const, 2> weight,
    std::int64_t choices,
    Arena& arena,
    Stream stream
);

/// What `route` worked on.
template <class T>
struct RouterInputs {
    View<T const, 2> x;           ///< [N, D]
    View<float const, 2> weight;  ///< [E, D]
};

/// Gradients that reach a router.
struct RouterGradients {
    View<float const, 2> gate;   ///< [N, K]
    View<float const, 2> probs;  ///< [N, E] what losses on probabilities add; null data for none
};

/// dx += dlogits weight;  dweight += dlogits^T float(x), unless its data is null (frozen).
template <class T>
void route_backward(
    RouterInputs<T> const& inputs,
    RouterChoice const& choice,
    RouterGradients const& gradients,
    View<T, 2> dx,
    View<float, 2> dweight,
    Arena& arena,
    Stream stream
);

}  // namespace isogloss

// moe/router.h - scores experts for tokens, chooses, and the gradient of the scores.
#pragma once

#include "device/arena.h"
#include "device/view.h"
#include "moe/routing.h"

namespace isogloss {

/// What a router is asked about N tokens.
struct RouterTask {
    Routing routing;
    std::int64_t choices = 1;           ///< K
    View<std::int32_t const, 1> among;  ///< [N] of top_k_softmax; null data: all experts
    std::int64_t routed = 0;            ///< tokens whose experts the router chooses
    GateScale gates = GateScale::renormalised;
};

/// The router's work on N tokens, kept for the backward pass.
struct RouterChoice {
    View<float, 2> probs;               ///< [N, E] softmax over all; null data: nobody needed it
    View<float, 2> gate;                ///< [N, K] as `gates` says
    View<std::int32_t, 2> expert;       ///< [N, K] -1: absent
    View<std::int32_t const, 1> among;  ///< [N] as asked
    RouterLossValues losses;
    GateScale gates = GateScale::renormalised;
};

/// What `route` works on.
template <class T>
struct RouterInputs {
    View<T const, 2> x;           ///< [N, D]
    View<float const, 2> weight;  ///< [E, D]
};

/// logits = float(x) weight^T, in float also where x is bf16; then top_k_softmax and the gates that
/// the task asks for, or the experts that hard routing gives. Taken from `arena`.
///
/// A loss on the scores counts the tokens that the router does not route as well (hard ones, those
/// of class 0), as the released codes do. Where no loss asks and the router routes none of the
/// tokens, there are no scores.
template <class T>
RouterChoice route(
    RouterInputs<T> const& inputs, RouterTask const& task, Arena& arena, Stream stream
);

/// Gradients that reach a router.
struct RouterGradients {
    View<float const, 2> gate;     ///< [N, K]; null data: the gates are constant
    View<float const, 1> balance;  ///< [E] slope of the balance loss; null data: none
    RouterLossTerms losses;
};

/// Where `route_backward` adds.
template <class T>
struct RouterSums {
    View<T, 2> dx;           ///< [N, D]; null data: nobody needs it
    View<float, 2> dweight;  ///< [E, D]; null data: frozen
};

/// dx += dlogits weight;  dweight += dlogits^T float(x). Nothing where there were no scores.
template <class T>
void route_backward(
    RouterInputs<T> const& inputs,
    RouterChoice const& choice,
    RouterGradients const& gradients,
    RouterSums<T> const& sums,
    Arena& arena,
    Stream stream
);

}  // namespace isogloss

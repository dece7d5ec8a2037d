// kernels/top_k_softmax.h - a router's choice, and its gradient.
#pragma once

#include "device/view.h"

namespace isogloss {

/// probs[n, :] = softmax(logits[n, :]) over all E experts;
/// expert[n, k] = k-th largest of logits[n, 0 .. among[n]), ties to the lower index;
/// gate[n, k] = probs[n, expert[n, k]] / sum over the chosen.
///
/// Shazeer et al. 2017, arXiv:1701.06538, with the weights renormalised over the K chosen as in
/// Mixtral, arXiv:2401.04088, and MoE-LPR, arXiv:2408.11396. The gates are computed as a softmax of
/// the chosen logits, which is the same and holds where all their probs are 0.
///
/// A token that has fewer than K experts to choose among leaves choices absent: expert -1, gate 0.
/// With among[n] = 0 the router does not route it: expert 0 alone, gate 1 (class 0 of LayerMoE,
/// arXiv:2505.22582).
///
/// @param logits  [N, E] float, E >= K
/// @param among   [N] in [0, E]; null data: E
/// @param probs   [N, E] out: for losses and their gradients
/// @param gate    [N, K] out: falls along k, sums to 1
/// @param expert  [N, K] out: in [-1, E), no expert twice in a row
void top_k_softmax(
    View<float const, 2> logits,
    View<std::int32_t const, 1> among,
    View<float, 2> probs,
    View<float, 2> gate,
    View<std::int32_t, 2> expert,
    Stream stream
);

/// dlogits[n, expert[n, k]] = gate[n, k] (dgate[n, k] - sum_j gate[n, j] dgate[n, j]), 0 for all
/// other experts. Absent choices have no gradient, and a single choice has none either.
///
/// @param dgate    [N, K]
/// @param dlogits  [N, E] out
void top_k_softmax_backward(
    View<float const, 2> gate,
    View<std::int32_t const, 2> expert,
    View<float const, 2> dgate,
    View<float, 2> dlogits,
    Stream stream
);

}  // namespace isogloss

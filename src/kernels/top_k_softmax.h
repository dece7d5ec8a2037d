// kernels/top_k_softmax.h - a router's choice, and its gradient.
#pragma once

#include "device/view.h"

namespace isogloss {

/// probs[n, :] = softmax(logits[n, :]) over all E experts;
/// expert[n, k] = k-th largest of probs[n, :], ties to the lower index;
/// gate[n, k] = probs[n, expert[n, k]] / sum over the K chosen.
///
/// Shazeer et al. 2017, arXiv:1701.06538, with the weights renormalised over the K chosen as in
/// Mixtral, arXiv:2401.04088, and MoE-LPR, arXiv:2408.11396.
///
/// @param logits  [N, E] float, E >= K
/// @param probs   [N, E] out: for the balance loss and the backward pass
/// @param gate    [N, K] out: falls along k, sums to 1
/// @param expert  [N, K] out: in [0, E), no index twice in a row
void top_k_softmax(
    View<float const, 2> logits,
    View<float, 2> probs,
    View<float, 2> gate,
    View<std::int32_t, 2> expert,
    Stream stream
);

/// dlogits [N, E] for dgate [N, K] and dprobs [N, E] (what losses on probs add; null data for
/// none).
void top_k_softmax_backward(
    View<float const, 2> probs,
    View<float const, 2> gate,
    View<std::int32_t const, 2> expert,
    View<float const, 2> dgate,
    View<float const, 2> dprobs,
    View<float, 2> dlogits,
    Stream stream
);

}  // namespace isogloss

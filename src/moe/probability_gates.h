// moe/probability_gates.h - gates that are the router's probabilities as they are.
#pragma once

#include "device/view.h"

namespace isogloss {

/// What a router chose for N tokens, from E experts K times.
struct ChosenProbabilities {
    View<float const, 2> probs;          ///< [N, E] softmax over all experts
    View<std::int32_t const, 2> expert;  ///< [N, K] -1: absent
    View<std::int32_t const, 1> among;   ///< [N] 0: not routed; null data: all are
};

/// gate[n, k] = probs[n, expert[n, k]], 0 for absent choices. A token that the router does not
/// route keeps the gate that it has. The gates of a token sum to at most 1: Qwen2-MoE,
/// arXiv:2407.10671, where its config says norm_topk_prob = false.
///
/// @param gate  [N, K] out
void take_probabilities(ChosenProbabilities const& chosen, View<float, 2> gate, Stream stream);

/// dlogits[n, e] = probs[n, e] (d_e - sum over k of probs[n, expert[n, k]] dgate[n, k]), where d_e
/// is dgate[n, k] of the choice k that is e, and 0 where there is none: also experts that were not
/// chosen have a gradient. 0 for a token that is not routed.
///
/// @param dgate    [N, K]
/// @param dlogits  [N, E] out
void take_probabilities_backward(
    ChosenProbabilities const& chosen,
    View<float const, 2> dgate,
    View<float, 2> dlogits,
    Stream stream
);

// One definition a device. Call the functions above.
namespace cpu {
void take_probabilities(ChosenProbabilities const& chosen, View<float, 2> gate);
void take_probabilities_backward(
    ChosenProbabilities const& chosen, View<float const, 2> dgate, View<float, 2> dlogits
);
}  // namespace cpu

namespace cuda {
void take_probabilities(ChosenProbabilities const& chosen, View<float, 2> gate, Stream stream);
void take_probabilities_backward(
    ChosenProbabilities const& chosen,
    View<float const, 2> dgate,
    View<float, 2> dlogits,
    Stream stream
);
}  // namespace cuda

}  // namespace isogloss

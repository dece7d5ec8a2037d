// moe/shared_expert.h - the expert of a layer that every token visits, whatever its router chooses.
#pragma once

#include <optional>

#include "device/arena.h"
#include "device/view.h"
#include "moe/experts.h"

namespace isogloss {

/// Held by all ranks, so it takes no part in the exchange. Both gradients have null data where it
/// is frozen.
template <class T>
struct SharedExpertWeights {
    ExpertWeights<T> expert;  ///< of its own hidden width Fs
    FeedForwardKind kind = FeedForwardKind::swiglu;
    View<T const, 2> gate;         ///< [1, D]; null data: the layer has no shared expert
    View<float, 2> gate_gradient;  ///< [1, D]

    [[nodiscard]] bool exists() const { return gate.data != nullptr; }
};

/// What forward leaves for backward: views into the arena, and x.
template <class T>
struct SharedActivations {
    View<T const, 2> x;  ///< [N, D]
    ExpertActivations<T> expert;
    View<T, 2> computed;  ///< [N, D] the expert's output
    View<float, 1> gate;  ///< [N]
};

///     y[n] += sigmoid(g . x[n]) FFN(x[n])
///
/// Qwen2-MoE, arXiv:2407.10671. Leaves in `arena`, unreleased, what `saved` points to; x must also
/// live until backward.                                                     x [N, D], y [N, D]
template <class T>
void shared_expert_forward(
    View<T const, 2> x,
    SharedExpertWeights<T> const& weights,
    View<T, 2> y,
    Arena& arena,
    SharedActivations<T>& saved,
    Stream stream
);

/// dx += d loss / d x for dy [N, D], where there is a dx [N, D], and adds to the gradients of the
/// weights, where they train.
template <class T>
void shared_expert_backward(
    View<T const, 2> dy,
    std::optional<View<T, 2>> dx,
    SharedExpertWeights<T> const& weights,
    SharedActivations<T> const& saved,
    Arena& arena,
    Stream stream
);

}  // namespace isogloss

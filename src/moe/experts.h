// moe/experts.h - the feed-forwards of this rank's experts, over pairs sorted by expert.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/math.h"
#include "device/arena.h"
#include "device/view.h"
#include "kernels/gradient_sum.h"
#include "moe/feed_forward.h"
#include "moe/travel_steps.h"

namespace isogloss {

/// The weights of one expert, y = (silu(x G^T) * (x U^T)) Wd^T, G and U stacked; with its kinds of
/// activation, and biases where there are some. All gradients have null data where it is frozen.
template <class T>
struct ExpertWeights {
    View<T const, 2> gate_up;      ///< [2F, D]: gate rows, then up rows; without a gate [F, D]
    View<T const, 2> down;         ///< [D, F]
    GradientSum gate_up_gradient;  ///< [2F, D]
    GradientSum down_gradient;     ///< [D, F]
    View<T const, 1> gate_up_bias = {};  ///< [2F]; null data: the experts have no biases
    View<T const, 1> down_bias = {};     ///< [D]
    View<float, 1> gate_up_bias_gradient = {};
    View<float, 1> down_bias_gradient = {};

    [[nodiscard]] bool is_trainable() const { return gate_up_gradient.exists(); }
    [[nodiscard]] bool has_bias() const { return gate_up_bias.data != nullptr; }
};

/// The experts of this rank and the pairs that each has: expert l computes [begin[l], begin[l+1]).
template <class T>
struct ExpertGroup {
    std::span<std::int64_t const> begin;        ///< [L+1]
    std::span<ExpertWeights<T> const> weights;  ///< [L]
    FeedForwardKind kind = FeedForwardKind::swiglu;

    /// From the first trainable expert to past the last; empty where all are frozen.
    [[nodiscard]] Range trainable_experts() const;
    /// The pairs of those.
    [[nodiscard]] Range trainable_pairs() const;
};

/// What the experts compute on the way, and need on the way back.
template <class T>
struct ExpertActivations {
    View<T, 2> gate_up;  ///< [M, 2F]; without a gate [M, F]
    View<T, 2> hidden;   ///< [M, F]; for the backward pass null where all experts here are frozen
};

/// gate_up[m] = G x[m] + b, hidden = swiglu(gate_up) or what the kind says, y[m] = Wd hidden[m] +
/// c, each with its expert's weights.                                                   x [M, D], y
/// [M, D] out
template <class T>
void experts_forward(
    View<T const, 2> x,
    ExpertGroup<T> const& group,
    ExpertActivations<T> const& activations,
    View<T, 2> y,
    Stream stream
);

/// The same in three parts, of which the two products can be made selection by selection:
/// gate_up[m] = G x[m],
template <class T>
void experts_gate_up(
    View<T const, 2> x,
    ExpertGroup<T> const& group,
    PairSelection const& selection,
    View<T, 2> gate_up,
    Stream stream
);
/// then, for all pairs at once, the biases and the activation,
template <class T>
void experts_activate(
    ExpertGroup<T> const& group, ExpertActivations<T> const& activations, Stream stream
);
/// then y[m] = Wd hidden[m] + c.
template <class T>
void experts_down(
    View<T const, 2> hidden,
    ExpertGroup<T> const& group,
    PairSelection const& selection,
    View<T, 2> y,
    Stream stream
);

/// dhidden [M, F] = d loss / d hidden for dy [M, D]: the first product of the way back.
template <class T>
void experts_hidden_gradient(
    View<T const, 2> dy,
    ExpertGroup<T> const& group,
    PairSelection const& selection,
    View<T, 2> dhidden,
    Stream stream
);

/// The rest of the way back, in two parts so that dx can travel during the second: dx [M, D] =
/// d loss / d x for dy [M, D], and adds to the gradients of the trainable `down`.
///
/// @param dx  out; may be dy itself; null data: nobody needs it
/// @return    dgate_up [M, 2F] for experts_weights_backward, from the arena
template <class T>
View<T, 2> experts_backward(
    View<T const, 2> dy,
    View<T const, 2> dhidden,
    ExpertGroup<T> const& group,
    ExpertActivations<T> const& activations,
    View<T, 2> dx,
    Arena& arena,
    Stream stream
);

/// Adds to the gradients of the trainable `gate_up`. A frozen expert costs no product for its
/// weights, here or there.
///
/// @param trainable_x  x of the pairs group.trainable_pairs()
template <class T>
void experts_weights_backward(
    View<T const, 2> dgate_up,
    View<T const, 2> trainable_x,
    ExpertGroup<T> const& group,
    Stream stream
);

}  // namespace isogloss

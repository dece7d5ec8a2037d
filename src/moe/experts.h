// moe/experts.h - the feed-forwards of this rank's experts, over pairs sorted by expert.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "device/arena.h"
#include "device/view.h"

namespace isogloss {

/// The weights of one expert, y = (silu(x G^T) * (x U^T)) Wd^T, G and U stacked.
template <class T>
struct ExpertWeights {
    View<T const, 2> gate_up;         ///< [2F, D]: gate rows, then up rows
    View<T const, 2> down;            ///< [D, F]
    View<float, 2> gate_up_gradient;  ///< [2F, D]; null data: frozen
    View<float, 2> down_gradient;     ///< [D, F]; null data: frozen

    [[nodiscard]] bool is_trainable() const { return gate_up_gradient.data != nullptr; }
};

/// What the backward pass of the experts needs.
template <class T>
struct ExpertActivations {
    View<T, 2> gate_up;  ///< [M, 2F]
    View<T, 2> hidden;   ///< [M, F]; null data where all experts here are frozen
};

}  // namespace isogloss

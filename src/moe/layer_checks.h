// moe/layer_checks.h - the weights that a layer is given, compared with its shape.
#pragma once

#include "moe/layer.h"

namespace isogloss {

/// @throws Error  when a weight's shape is not what `shape` and `placement` say for this rank of
///         `group`, or a part of an expert is frozen otherwise than the rest of it
template <class T>
void check_weights(
    MoeShape const& shape,
    LayerPlacement const& placement,
    MpiComm const& group,
    MoeWeights<T> const& weights
);

}  // namespace isogloss

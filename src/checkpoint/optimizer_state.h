// checkpoint/optimizer_state.h - the part of the optimizer's state that one rank owns.
#pragma once

#include <cstddef>
#include <vector>

#include "base/math.h"
#include "device/view.h"
#include "model/optimizer.h"
#include "model/parameters.h"

namespace isogloss {

/// State of elements [range.begin, range.end) of one parameter, where the optimizer keeps it.
/// Over all ranks the pieces of a trainable parameter cover each element exactly once.
struct StatePiece {
    std::size_t parameter = 0;  ///< index into the parameter table
    Range range;                ///< elements of the parameter
    View<float, 1> master;      ///< [range.size()]; null where the weights are float themselves
    View<float, 1> m;           ///< [range.size()] first moment
    View<float, 1> v;           ///< [range.size()] second moment
};

/// The state that this rank owns, cut at the borders of parameters; padding is left out.
std::vector<StatePiece> state_pieces(ParameterTable const& parameters, Optimizer const& optimizer);

}  // namespace isogloss

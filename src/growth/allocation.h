// growth/allocation.h - how many experts each layer gets: many where languages are unlike.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"

namespace isogloss {

/// S, the similarity of the languages in each layer: {"similarity": [S of each layer]}, other keys
/// are passed over; or the list alone.
/// @throws Error  (data) naming the layer whose S is not a finite number above 0
std::vector<double> layer_similarity_from_json(Json const& value, std::string const& where);

/// N_l = max(minimum, ceil((1/S_l) / (sum over j of 1/S_j) * budget)): experts of each layer, the
/// original one included (LayerMoE, arXiv:2505.22582). Plain ceil in double precision: the sum may
/// exceed the budget by up to the number of layers.
/// @param minimum  experts of a layer at least; 1 is a layer that stays dense
/// @throws Error  (usage) when the budget is below minimum experts a layer
std::vector<std::int32_t> allocate_by_ceiling(
    std::span<double const> similarity, std::int64_t budget, std::int32_t minimum
);

/// The same shares, and exactly `budget` experts in all, each layer at least `minimum`: layers
/// whose share of what is left is below the minimum get the minimum, until there is none; the
/// others get their share rounded down, and one more each in order of the fractions that were cut
/// off, the lower layer first where they are equal.
/// @throws Error  (usage) when the budget is below minimum experts a layer
std::vector<std::int32_t> allocate_exactly(
    std::span<double const> similarity, std::int64_t budget, std::int32_t minimum
);

}  // namespace isogloss

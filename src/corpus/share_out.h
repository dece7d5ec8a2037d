// corpus/share_out.h - tasks of different sizes for ranks.
#pragma once

#include <cstdint>
#include <vector>

namespace isogloss {

/// Shares tasks out: task i goes to rank result[i]. Largest first, each to the rank with the least
/// so far (the lower on ties); at most 4/3 of the best possible (Graham 1969, theorem 2).
std::vector<int> share_out(std::vector<std::int64_t> const& sizes, int ranks);

}  // namespace isogloss

// growth/conflict_search.h - exchanges languages of groups until no two of a group are too far
// apart.
#pragma once

#include <cstdint>

#include "growth/group_assignment.h"

namespace isogloss {

/// Looks for an assignment without conflicts, pairs of one group at distance >= limit: of all
/// exchanges that involve a conflict the one that leaves fewest, again and again; what left a group
/// may not come back for a while (tabu search, as for colouring a graph). It gives up after
/// 500 + 20 n exchanges. Always the same for the same assignment and stream.
/// @param stream  of the random numbers that decide ties
/// @return whether `assignment` has no conflicts now
bool resolve_conflicts(GroupAssignment& assignment, double limit, std::uint64_t stream);

}  // namespace isogloss

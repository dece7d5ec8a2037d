// growth/balanced_clustering.h - languages in groups of equal size by local search from the greedy
// solutions.
#pragma once

#include <cstdint>
#include <vector>

#include "growth/clustering.h"

namespace isogloss {

/// The largest distance within a group that no grouping into groups of at least `smallest`
/// languages can undercut: every language has smallest - 1 others beside it, at best its nearest.
double objective_bound(LanguageDistances const& distance, std::int32_t smallest);

/// Groups whose sizes differ by at most one, the objective never above that of the greedy solvers
/// (of cluster_exhaustively() only where that is not refused):
///
/// 1. Begin with the better greedy grouping.
/// 2. Exchange languages of two groups, by tabu search, until no two of a group are as far apart as
///    the farthest two were; repeat until that fails from several beginnings, or objective_bound()
///    is reached.
/// 3. Exchange languages as long as that makes the sum of all distances within groups smaller and
///    the objective no larger: what one outlying language leaves open for all the others.
///
/// Members in the order of the matrix, groups in the order of their first members. Always the same
/// result for the same distances; 256 languages take seconds.
/// @throws Error  (usage) when groups is not in [1, n]
std::vector<LanguageGroup> cluster_balanced(LanguageDistances const& distance, std::int32_t groups);

}  // namespace isogloss

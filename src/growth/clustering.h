// growth/clustering.h - languages in groups of equal size, by the two greedy solvers of DMoE
// (arXiv:2506.12388).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "growth/language_similarity.h"

namespace isogloss {

/// Places of languages in the matrix.
using LanguageGroup = std::vector<std::int32_t>;

/// max over pairs of the group of dist(a, b); 0 for a group of one.
double largest_distance(LanguageDistances const& distance, std::span<std::int32_t const> group);

/// What grouping makes small: the largest distance of two languages of one group, over all groups.
/// 1 - objective is the smallest similarity within a group.
double grouping_objective(LanguageDistances const& distance, std::span<LanguageGroup const> groups);

/// Subsets that cluster_exhaustively() looks at in its first round at most, C(n, n / groups).
inline constexpr double kMostSubsets = 2e9;

/// C(n, k), in floating point.
double num_subsets(std::int32_t n, std::int32_t k);

/// While languages are left: of all subsets of s = n / groups of them, in lexicographic order, the
/// first one of smallest largest_distance() is the next group (balanced_cluster_18langs.py of the
/// release). Groups in the order found, each ascending.
/// @throws Error  (usage) when groups does not divide the number of languages, or there are more
///         than kMostSubsets subsets
std::vector<LanguageGroup> cluster_exhaustively(
    LanguageDistances const& distance, std::int32_t groups
);

/// While languages are left: the closest pair of them, and again and again that language whose
/// largest distance to the group is smallest, until there are s = n / groups; of equal ones always
/// the first (balanced_cluster_128langs.py of the release). Groups in the order found, each in the
/// order of joining.
/// @throws Error  (usage) when groups does not divide the number of languages
std::vector<LanguageGroup> cluster_by_linkage(
    LanguageDistances const& distance, std::int32_t groups
);

/// The same for groups of given sizes, found in this order; a group of one is the first that is
/// left.
/// @throws Error  (internal) when the sizes do not sum up to the number of languages
std::vector<LanguageGroup> cluster_by_linkage(
    LanguageDistances const& distance, std::span<std::int32_t const> sizes
);

}  // namespace isogloss

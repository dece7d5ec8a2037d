// growth/group_assignment.h - who is in which group, while languages are exchanged between groups.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "growth/clustering.h"

namespace isogloss {

/// A seat in a group: that of language p, or a vacant one.
using Place = std::size_t;

/// An assignment of places to groups of equal size. Where the sizes differ, the smaller groups hold
/// one vacant place each: at distance 0 from every language and far from its like, so that an
/// exchange of a language for a vacancy moves the language.
class GroupAssignment {
public:
    /// @param groups  of sizes that differ by at most one, each language in one of them
    GroupAssignment(LanguageDistances const& distance, std::span<LanguageGroup const> groups);

    [[nodiscard]] std::size_t num_places() const { return num_places_; }
    [[nodiscard]] std::size_t num_groups() const { return num_groups_; }
    [[nodiscard]] std::size_t group(Place p) const { return group_[p]; }
    [[nodiscard]] double distance(Place a, Place b) const { return distance_[a * num_places_ + b]; }

    /// Each takes the other's group.
    void exchange(Place a, Place b) { std::swap(group_[a], group_[b]); }

    /// The largest distance of two places of one group.
    [[nodiscard]] double objective() const;

    /// Members in the order of the matrix, groups in the order of their first members.
    [[nodiscard]] std::vector<LanguageGroup> groups() const;

private:
    void fill_distances(LanguageDistances const& distance);

    std::size_t num_languages_;
    std::size_t num_groups_;
    std::size_t num_places_ = 0;
    std::vector<std::size_t> group_;
    std::vector<double> distance_;
};

}  // namespace isogloss

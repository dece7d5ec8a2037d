// comm/distances.h - with which ranks of a group a rank exchanges rows.
#pragma once

#include <algorithm>
#include <limits>

namespace isogloss {

/// Of P ranks, rank r sends to those at (r + d) mod P and hears from those at (r - d) mod P, for d
/// in [begin, end). At 0 it is itself. Ranks that name the same distances mean each other.
struct Distances {
    int begin = 0;
    int end = std::numeric_limits<int>::max();

    [[nodiscard]] bool has(int distance) const { return begin <= distance && distance < end; }
    [[nodiscard]] bool has_itself() const { return has(0); }
    [[nodiscard]] bool sends(int rank, int to, int ranks) const {
        return has((to - rank + ranks) % ranks);
    }
    [[nodiscard]] bool hears(int rank, int from, int ranks) const {
        return has((rank - from + ranks) % ranks);
    }
    [[nodiscard]] bool has_others(int ranks) const {
        return std::max(begin, 1) < std::min(end, ranks);
    }
    /// The others among these ranks.
    [[nodiscard]] Distances others() const { return {std::max(begin, 1), end}; }
    /// Of the way back: the others that sent hear, and those that heard send.
    [[nodiscard]] Distances back(int ranks) const {
        return {ranks - std::min(end, ranks) + 1, ranks - std::max(begin, 1) + 1};
    }
};

}  // namespace isogloss

// moe/placement.h - which ranks hold which expert: a pure function, the same on every rank.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace isogloss {

/// Ranks of each expert of one layer.
struct LayerPlacement {
    std::vector<std::vector<int>>
        ranks;  ///< [expert] -> ranks that hold it, ascending, at least one

    [[nodiscard]] std::int32_t num_experts() const {
        return static_cast<std::int32_t>(ranks.size());
    }
    [[nodiscard]] bool holds(std::int32_t expert, int rank) const;
    /// Experts that `rank` holds, ascending; may be empty.
    [[nodiscard]] std::vector<std::int32_t> experts_of(int rank) const;
    /// The holder that computes the tokens of `source` for `expert`: `source` itself where it holds
    /// the expert, else the holder at place source mod holders.
    [[nodiscard]] int holder_for(std::int32_t expert, int source) const;
    /// Every rank holds every expert, so that no token travels.
    [[nodiscard]] bool is_local(int num_ranks) const;
};

struct Placement {
    std::vector<LayerPlacement> layers;
};

/// What placement looks at.
struct PlacementRequest {
    std::vector<std::int32_t> experts_per_layer;  ///< at least 1 each
    std::vector<std::vector<double>>
        expected_share;                            ///< [layer][expert] of the tokens; empty: equal
    std::vector<std::vector<std::int32_t>> group;  ///< [layer][expert] language group; empty: none
    int num_ranks = 1;
    int ranks_per_node = 1;
};

/// A layer with one expert has it on all ranks.
///
/// Fewer experts than ranks: every rank holds one, the busiest experts get the replicas, and the
/// holders of an expert, and the experts of a group, are neighbours.
///
/// As many or more: every expert has one rank. Largest share first, each goes to the rank with the
/// least share so far (among equals, with the fewest experts so far, then with the fewest in
/// earlier layers), and no rank gets more than twice its even number. The experts of a group are
/// put on one node where the busiest rank is no busier for it.
/// @throws Error  (usage) when a count or rank number is below 1, or a list has a wrong length
Placement place_experts(PlacementRequest const& request);

}  // namespace isogloss

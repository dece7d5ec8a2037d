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

/// A layer with one expert has it on all ranks. With E < ranks, every rank holds one expert and the
/// busiest ones get the replicas; with E >= ranks, every expert has one rank and the ranks'
/// expected shares are balanced (largest first), the surplus going to other ranks from layer to
/// layer; the experts of one language group stay on one node where that costs no balance.
/// @throws Error  (usage) when a count or rank number is below 1
Placement place_experts(PlacementRequest const& request);

}  // namespace isogloss

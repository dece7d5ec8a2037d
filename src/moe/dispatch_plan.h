// moe/dispatch_plan.h - where each (token, choice) travels, and back.
#pragma once

#include <cstdint>
#include <vector>

#include "comm/mpi_comm.h"
#include "device/arena.h"
#include "device/view.h"
#include "moe/placement.h"

namespace isogloss {

/// Who computes the tokens of one source rank, expert by expert.
struct ExpertSeats {
    int source = 0;                   ///< the rank that asks
    std::vector<std::int32_t> rank;   ///< [E] the rank that computes them
    std::vector<std::int32_t> local;  ///< [E] the expert's place among that rank's experts
    std::int32_t num_local = 0;       ///< experts that the source itself holds
    std::int32_t most_local = 0;      ///< experts of the rank that holds most
    bool travels = false;             ///< false: every rank holds all experts, no row leaves one
};

ExpertSeats seats_for(LayerPlacement const& placement, int source, int num_ranks);

/// What the host must know of a layer's choices.
struct RoutingCounts {
    std::vector<std::int64_t> send_begin;     ///< [P+1] slots for rank p
    std::vector<std::int64_t> expert_tokens;  ///< [E] choices
    std::vector<double> probability;          ///< [E] sum of the router's; empty: not asked for
};

/// The choices of N tokens.
struct RoutedChoices {
    View<std::int32_t const, 2> expert;  ///< [N, K] in [0, E), none twice in a row; -1: absent
    View<float const, 2> gate;           ///< [N, K]
};

/// Made once a layer and micro-batch from the router's choice; serves dispatch and combine, forward
/// and backward.
///
/// A token goes once to each rank that has experts for it, however many: a *slot* is one (rank,
/// token), and slots are ordered by rank, then token. A *row* is a slot as it arrives, a *pair* one
/// expert's work on one row. All orders are stable counting sorts: equal choices give equal bits.
///
/// N tokens here, K choices, S slots sent, P ranks, R rows received, M pairs, L experts here. Where
/// nothing travels, row n is token n and the source side is empty. Views live in the arena given.
struct DispatchPlan {
    std::int64_t num_tokens = 0;   ///< N
    std::int64_t num_choices = 0;  ///< K
    bool travels = false;

    // This rank as a source of tokens.
    std::vector<std::int64_t> send_begin;    ///< [P+1] slots of rank p
    View<std::int32_t, 1> send_token;        ///< [S] the token that fills a slot
    View<std::int32_t, 1> token_slot_begin;  ///< [N+1] ranges of token_return
    /// [S] where each token's partial sums lie at home, ranks ascending: in [0, R) those of this
    /// rank's own rows, in R + [0, S) those that slots brought back.
    View<std::int32_t, 1> token_return;
    View<std::int32_t, 2> choice_slot;        ///< [N, K] the slot that carries a choice; -1: absent
    std::vector<std::int64_t> expert_tokens;  ///< [E] choices of this rank's tokens
    /// N K of all ranks, the same number on each; 0 where nothing travels.
    std::int64_t group_choices = 0;

    // This rank as a place of experts.
    std::vector<std::int64_t> receive_begin;  ///< [P+1] rows of rank p
    std::vector<std::int64_t> expert_begin;   ///< [L+1] pairs of a local expert
    /// [L (P+1)] where they travel: of local expert l from rank p on, at l (P+1) + p.
    std::vector<std::int64_t> source_begin;
    View<std::int32_t, 1> pair_row;        ///< [M] sorted by expert, then row
    View<std::int32_t, 1> pair_choice;     ///< [M] which of the token's K choices it is
    View<float, 1> pair_gate;              ///< [M] its gate
    View<std::int32_t, 1> row_pair_begin;  ///< [R+1] ranges of row_pair
    View<std::int32_t, 1> row_pair;        ///< [M] pairs of a row, choices ascending
    View<float, 1> row_gate;               ///< [M] gates in the order of row_pair

    [[nodiscard]] std::int64_t num_rows() const { return receive_begin.back(); }
    [[nodiscard]] std::int64_t num_pairs() const { return expert_begin.back(); }
};

/// Sorts the choices and tells every rank what to expect: one all-to-all of counts on the host,
/// then one of (local expert, gate) K times a slot. On a GPU the host waits once, for the counts.
/// Collective over `group`; nothing is exchanged where nothing travels.
///
/// A choice may be absent: it goes nowhere, and a token all of whose choices are absent comes back
/// as zeros.
/// @param counts  of these choices, by count_routing
/// @throws Error  when shapes disagree
DispatchPlan plan_dispatch(
    RoutedChoices const& choices,
    RoutingCounts const& counts,
    ExpertSeats const& seats,
    MpiComm const& group,
    Arena& arena,
    Stream stream
);

/// The same, which counts by itself. @throws Error  also (CPU) when an index is out of range
DispatchPlan plan_dispatch(
    View<std::int32_t const, 2> expert,
    View<float const, 2> gate,
    ExpertSeats const& seats,
    MpiComm const& group,
    Arena& arena,
    Stream stream
);

}  // namespace isogloss

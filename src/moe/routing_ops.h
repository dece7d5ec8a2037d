// moe/routing_ops.h - the sorting behind a dispatch plan: index lists, once a device.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "device/view.h"
#include "moe/dispatch_plan.h"

namespace isogloss {

// N tokens, K choices, E experts, P ranks, S slots, R rows, M pairs, L experts here, as in
// moe/dispatch_plan.h. Lists that MPI needs come to the host; all others stay on the device.

/// What is counted of the choices of N tokens.
struct Counted {
    View<std::int32_t const, 2> expert;  ///< [N, K]
    View<float const, 2> probs;          ///< [N, E]; null data: nobody asks for their sums
    View<std::int32_t const, 1> among;  ///< [N] tokens of 0 are not in the sums; null data: all are
};

/// A slot is a token that has a choice on a rank. Sums of probabilities are in double, on the CPU
/// tokens ascending. On a GPU the host waits for all of it at once.
/// @throws Error  (CPU) when an index is outside [-1, E)
RoutingCounts count_routing(
    Counted const& counted, ExpertSeats const& seats, int num_ranks, Stream stream
);

/// Fills plan.send_token, token_slot_begin, token_return and choice_slot; plan.send_begin and
/// receive_begin are set.
void fill_slots(
    View<std::int32_t const, 2> expert,
    ExpertSeats const& seats,
    DispatchPlan const& plan,
    Stream stream
);

/// What travels with a slot: route[s, k] = the expert's place among those of its rank, or -1 where
/// the k-th choice is not computed there; route[s, K + k] = the bits of the gate.
///
/// @param choice_slot  [N, K]; null data: slot n is token n, with all its choices
/// @param route        [S, 2K] out
void fill_routes(
    View<std::int32_t const, 2> expert,
    View<float const, 2> gate,
    ExpertSeats const& seats,
    View<std::int32_t const, 2> choice_slot,
    View<std::int32_t, 2> route,
    Stream stream
);

/// Fills the pairs and the rows' lists of `plan` from the received routes [R, 2K];
/// plan.expert_begin is set.
/// @throws Error  (CPU) when a place is outside [-1, L)
void fill_pairs(View<std::int32_t const, 2> route, DispatchPlan const& plan, Stream stream);

/// rows[r, k] = pairs[m] for the pair m that is choice k of row r, else 0.   pairs [M], rows [R, K]
void pairs_to_rows(
    View<float const, 1> pairs, DispatchPlan const& plan, View<float, 2> rows, Stream stream
);

/// choices[n, k] = slots[choice_slot[n, k], k], 0 where a choice is absent.
///                                                                   slots [S, K], choices [N, K]
void slots_to_choices(
    View<float const, 2> slots, DispatchPlan const& plan, View<float, 2> choices, Stream stream
);

/// expert[n, 0] = given[n], or 0 where given's data is null, with gate 1; no other choices.
///                                                      given [N], expert [N, K] out, gate [N, K]
///                                                      out
/// @throws Error  (CPU) when a given expert is outside [0, num_experts)
void give_experts(
    View<std::int32_t const, 1> given,
    std::int32_t num_experts,
    View<std::int32_t, 2> expert,
    View<float, 2> gate,
    Stream stream
);

// One definition a device. Call the functions above.
namespace cpu {
RoutingCounts count_routing(Counted const& counted, ExpertSeats const& seats, int num_ranks);
void fill_slots(
    View<std::int32_t const, 2> expert, ExpertSeats const& seats, DispatchPlan const& plan
);
void fill_routes(
    View<std::int32_t const, 2> expert,
    View<float const, 2> gate,
    ExpertSeats const& seats,
    View<std::int32_t const, 2> choice_slot,
    View<std::int32_t, 2> route
);
void fill_pairs(View<std::int32_t const, 2> route, DispatchPlan const& plan);
void pairs_to_rows(View<float const, 1> pairs, DispatchPlan const& plan, View<float, 2> rows);
void slots_to_choices(View<float const, 2> slots, DispatchPlan const& plan, View<float, 2> choices);
void give_experts(
    View<std::int32_t const, 1> given,
    std::int32_t num_experts,
    View<std::int32_t, 2> expert,
    View<float, 2> gate
);
}  // namespace cpu

namespace cuda {
RoutingCounts count_routing(
    Counted const& counted, ExpertSeats const& seats, int num_ranks, Stream stream
);
void fill_slots(
    View<std::int32_t const, 2> expert,
    ExpertSeats const& seats,
    DispatchPlan const& plan,
    Stream stream
);
void fill_routes(
    View<std::int32_t const, 2> expert,
    View<float const, 2> gate,
    ExpertSeats const& seats,
    View<std::int32_t const, 2> choice_slot,
    View<std::int32_t, 2> route,
    Stream stream
);
void fill_pairs(View<std::int32_t const, 2> route, DispatchPlan const& plan, Stream stream);
void pairs_to_rows(
    View<float const, 1> pairs, DispatchPlan const& plan, View<float, 2> rows, Stream stream
);
void slots_to_choices(
    View<float const, 2> slots, DispatchPlan const& plan, View<float, 2> choices, Stream stream
);
void give_experts(
    View<std::int32_t const, 1> given,
    std::int32_t num_experts,
    View<std::int32_t, 2> expert,
    View<float, 2> gate,
    Stream stream
);
}  // namespace cuda

}  // namespace isogloss

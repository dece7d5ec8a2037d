// moe/routing_ops.cpp
#include "moe/routing_ops.h"

#include "base/require.h"

namespace isogloss {

RoutingCounts count_routing(
    Counted const& counted, ExpertSeats const& seats, int num_ranks, Stream stream
) {
    auto const& [expert, probs, among] = counted;
    require(
        seats.rank.size() == seats.local.size(), "count_routing: seats of {} ranks, {} places",
        seats.rank.size(), seats.local.size()
    );
    require(
        (probs.data == nullptr || probs.shape[0] == expert.shape[0]) &&
            (among.data == nullptr || among.shape[0] == expert.shape[0]),
        "count_routing: choices of {} tokens, probabilities of {}, numbers of experts of {}",
        expert.shape[0], probs.shape[0], among.shape[0]
    );
    switch (expert.device) {
        case Device::cpu: return cpu::count_routing(counted, seats, num_ranks);
        case Device::cuda: return cuda::count_routing(counted, seats, num_ranks, stream);
    }
    fail(Exit::internal, "count_routing: unknown device");
}

void fill_slots(
    View<std::int32_t const, 2> expert,
    ExpertSeats const& seats,
    DispatchPlan const& plan,
    Stream stream
) {
    switch (expert.device) {
        case Device::cpu: return cpu::fill_slots(expert, seats, plan);
        case Device::cuda: return cuda::fill_slots(expert, seats, plan, stream);
    }
}

void fill_routes(
    View<std::int32_t const, 2> expert,
    View<float const, 2> gate,
    ExpertSeats const& seats,
    View<std::int32_t const, 2> choice_slot,
    View<std::int32_t, 2> route,
    Stream stream
) {
    require(
        expert.shape == gate.shape && route.shape[1] == 2 * expert.shape[1],
        "fill_routes: experts are [{}, {}], gates [{}, {}], routes [.., {}]; the last must be 2 K",
        expert.shape[0], expert.shape[1], gate.shape[0], gate.shape[1], route.shape[1]
    );
    switch (expert.device) {
        case Device::cpu: return cpu::fill_routes(expert, gate, seats, choice_slot, route);
        case Device::cuda:
            return cuda::fill_routes(expert, gate, seats, choice_slot, route, stream);
    }
}

void fill_pairs(View<std::int32_t const, 2> route, DispatchPlan const& plan, Stream stream) {
    switch (route.device) {
        case Device::cpu: return cpu::fill_pairs(route, plan);
        case Device::cuda: return cuda::fill_pairs(route, plan, stream);
    }
}

void pairs_to_rows(
    View<float const, 1> pairs, DispatchPlan const& plan, View<float, 2> rows, Stream stream
) {
    require(
        pairs.shape[0] == plan.num_pairs() && rows.shape[0] == plan.num_rows() &&
            rows.shape[1] == plan.num_choices,
        "pairs_to_rows: {} pairs to [{}, {}]; the plan has {} pairs, {} rows, {} choices",
        pairs.shape[0], rows.shape[0], rows.shape[1], plan.num_pairs(), plan.num_rows(),
        plan.num_choices
    );
    switch (pairs.device) {
        case Device::cpu: return cpu::pairs_to_rows(pairs, plan, rows);
        case Device::cuda: return cuda::pairs_to_rows(pairs, plan, rows, stream);
    }
}

void slots_to_choices(
    View<float const, 2> slots, DispatchPlan const& plan, View<float, 2> choices, Stream stream
) {
    require(
        choices.shape == plan.choice_slot.shape && slots.shape[1] == choices.shape[1],
        "slots_to_choices: slots of {} to [{}, {}]; the plan has {} tokens, {} choices",
        slots.shape[1], choices.shape[0], choices.shape[1], plan.num_tokens, plan.num_choices
    );
    switch (slots.device) {
        case Device::cpu: return cpu::slots_to_choices(slots, plan, choices);
        case Device::cuda: return cuda::slots_to_choices(slots, plan, choices, stream);
    }
}

void give_experts(
    View<std::int32_t const, 1> given,
    std::int32_t num_experts,
    View<std::int32_t, 2> expert,
    View<float, 2> gate,
    Stream stream
) {
    require(
        expert.shape == gate.shape && expert.shape[1] >= 1 &&
            (given.data == nullptr || given.shape[0] == expert.shape[0]),
        "give_experts: {} given experts for [{}, {}], gates [{}, {}]", given.shape[0],
        expert.shape[0], expert.shape[1], gate.shape[0], gate.shape[1]
    );
    switch (expert.device) {
        case Device::cpu: return cpu::give_experts(given, num_experts, expert, gate);
        case Device::cuda: return cuda::give_experts(given, num_experts, expert, gate, stream);
    }
}

}  // namespace isogloss

// moe/dispatch_plan.cpp
#include "moe/dispatch_plan.h"

#include <algorithm>
#include <limits>

#include "base/math.h"
#include "base/require.h"
#include "comm/collective.h"
#include "moe/routing_ops.h"

namespace isogloss {
namespace {

// Where the runs of these lengths begin, and the last one ends.
std::vector<std::int64_t> beginnings(std::span<std::int64_t const> lengths) {
    std::vector<std::int64_t> begin{0};
    for (auto const length : lengths) {
        begin.push_back(begin.back() + length);
    }
    return begin;
}

// Every expert is here: its pairs are the choices for it.
void count_at_home(DispatchPlan& plan, ExpertSeats const& seats) {
    std::vector<std::int64_t> pairs(index(seats.num_local), 0);
    for (std::size_t e = 0; e < plan.expert_tokens.size(); ++e) {
        pairs[index(seats.local[e])] += plan.expert_tokens[e];
    }
    plan.expert_begin = beginnings(pairs);
    plan.receive_begin = {0, plan.num_tokens};
    plan.send_begin = {0, plan.num_tokens};
}

// Tells each rank how many choices there are here, how many slots it gets, and how many choices for
// each of its experts.
void exchange_counts(DispatchPlan& plan, ExpertSeats const& seats, MpiComm const& group) {
    constexpr std::size_t kOfRank = 2;
    auto const ranks = index(group.size());
    auto const length = kOfRank + index(seats.most_local);
    std::vector<std::int64_t> told(ranks * length, 0);
    for (std::size_t p = 0; p < ranks; ++p) {
        told[p * length] = plan.num_tokens * plan.num_choices;
        told[p * length + 1] = plan.send_begin[p + 1] - plan.send_begin[p];
    }
    for (std::size_t e = 0; e < plan.expert_tokens.size(); ++e) {
        auto const place = kOfRank + index(seats.local[e]);
        told[index(seats.rank[e]) * length + place] += plan.expert_tokens[e];
    }
    auto const heard = all_to_all(told, group);
    std::vector<std::int64_t> rows;
    for (std::size_t p = 0; p < ranks; ++p) {
        plan.group_choices += heard[p * length];
        rows.push_back(heard[p * length + 1]);
    }
    plan.receive_begin = beginnings(rows);
    plan.expert_begin = {0};
    for (std::size_t l = 0; l < index(seats.num_local); ++l) {
        auto pairs = plan.expert_begin.back();
        for (std::size_t p = 0; p < ranks; ++p) {
            plan.source_begin.push_back(pairs);
            pairs += heard[p * length + kOfRank + l];
        }
        plan.source_begin.push_back(pairs);
        plan.expert_begin.push_back(pairs);
    }
}

void take_source_lists(DispatchPlan& plan, Arena& arena) {
    auto const slots = plan.send_begin.back();
    plan.send_token = arena.take<std::int32_t, 1>({slots});
    plan.token_slot_begin = arena.take<std::int32_t, 1>({plan.num_tokens + 1});
    plan.token_return = arena.take<std::int32_t, 1>({slots});
    plan.choice_slot = arena.take<std::int32_t, 2>({plan.num_tokens, plan.num_choices});
}

void take_expert_lists(DispatchPlan& plan, Arena& arena) {
    auto const pairs = plan.num_pairs();
    plan.pair_row = arena.take<std::int32_t, 1>({pairs});
    plan.pair_choice = arena.take<std::int32_t, 1>({pairs});
    plan.pair_gate = arena.take<float, 1>({pairs});
    plan.row_pair_begin = arena.take<std::int32_t, 1>({plan.num_rows() + 1});
    plan.row_pair = arena.take<std::int32_t, 1>({pairs});
    plan.row_gate = arena.take<float, 1>({pairs});
}

void check(
    View<std::int32_t const, 2> expert,
    View<float const, 2> gate,
    ExpertSeats const& seats,
    MpiComm const& group
) {
    require(
        expert.shape == gate.shape && expert.device == gate.device,
        "dispatch plan: experts are [{}, {}], gates [{}, {}]; both must be [N, K] on one device",
        expert.shape[0], expert.shape[1], gate.shape[0], gate.shape[1]
    );
    require(
        expert.size() <= std::numeric_limits<std::int32_t>::max(),
        "dispatch plan: {} tokens of {} choices are more than 32-bit indices can name; use smaller "
        "micro-batches",
        expert.shape[0], expert.shape[1]
    );
    for (auto const rank : seats.rank) {
        require(
            rank >= 0 && rank < group.size() && seats.num_local <= seats.most_local,
            "dispatch plan: an expert on rank {} of {}; {} experts here, {} at most", rank,
            group.size(), seats.num_local, seats.most_local
        );
    }
}

}  // namespace

ExpertSeats seats_for(LayerPlacement const& placement, int source, int num_ranks) {
    ExpertSeats seats;
    seats.source = source;
    seats.travels = !placement.is_local(num_ranks);
    seats.num_local = static_cast<std::int32_t>(placement.experts_of(source).size());
    for (int rank = 0; rank < num_ranks; ++rank) {
        auto const held = static_cast<std::int32_t>(placement.experts_of(rank).size());
        seats.most_local = std::max(seats.most_local, held);
    }
    for (std::int32_t expert = 0; expert < placement.num_experts(); ++expert) {
        auto const rank = placement.holder_for(expert, source);
        auto const theirs = placement.experts_of(rank);
        seats.rank.push_back(rank);
        seats.local.push_back(
            static_cast<std::int32_t>(std::ranges::find(theirs, expert) - theirs.begin())
        );
    }
    return seats;
}

DispatchPlan plan_dispatch(
    View<std::int32_t const, 2> expert,
    View<float const, 2> gate,
    ExpertSeats const& seats,
    MpiComm const& group,
    Arena& arena,
    Stream stream
) {
    auto const counts = count_routing({expert, {}, {}}, seats, group.size(), stream);
    return plan_dispatch({expert, gate}, counts, seats, group, arena, stream);
}

DispatchPlan plan_dispatch(
    RoutedChoices const& choices,
    RoutingCounts const& counts,
    ExpertSeats const& seats,
    MpiComm const& group,
    Arena& arena,
    Stream stream
) {
    auto const& [expert, gate] = choices;
    check(expert, gate, seats, group);
    DispatchPlan plan;
    plan.num_tokens = expert.shape[0];
    plan.num_choices = expert.shape[1];
    plan.travels = seats.travels;
    plan.expert_tokens = counts.expert_tokens;
    plan.send_begin = counts.send_begin;
    if (plan.travels) {
        exchange_counts(plan, seats, group);
        take_source_lists(plan, arena);
        fill_slots(expert, seats, plan, stream);
    } else {
        count_at_home(plan, seats);
    }

    auto const width = 2 * plan.num_choices;
    auto const received = arena.take<std::int32_t, 2>({plan.num_rows(), width});
    if (plan.travels) {
        ArenaScope const scope(arena);
        auto const route = arena.take<std::int32_t, 2>({plan.send_begin.back(), width});
        fill_routes(expert, gate, seats, plan.choice_slot, route, stream);
        all_to_all_rows<std::int32_t>(
            route, plan.send_begin, received, plan.receive_begin, group, stream
        );
    } else {
        fill_routes(expert, gate, seats, plan.choice_slot, received, stream);
    }
    take_expert_lists(plan, arena);
    fill_pairs(received, plan, stream);
    return plan;
}

}  // namespace isogloss

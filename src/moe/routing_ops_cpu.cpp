// moe/routing_ops_cpu.cpp
#include <algorithm>
#include <bit>
#include <numeric>

#include "base/math.h"
#include "base/require.h"
#include "moe/routing_ops.h"

namespace isogloss::cpu {
namespace {

// counts[i + 1] at i + 1 becomes the beginning of run i + 1: [n + 1] with counts[0] = 0.
void counts_to_begin(std::span<std::int64_t> counts) {
    std::partial_sum(counts.begin(), counts.end(), counts.begin());
}

// The choice k' <= k of the token whose experts are `experts` that first names the rank of choice
// k, which is not absent.
std::int64_t first_choice_of_rank(
    std::int32_t const* experts, ExpertSeats const& seats, std::int64_t k
) {
    auto const rank = seats.rank[index(experts[k])];
    std::int64_t first = 0;
    while (experts[first] < 0 || seats.rank[index(experts[first])] != rank) {
        ++first;
    }
    return first;
}

// Where the partial sum for a slot lies at home: plan.token_return.
std::int32_t return_of_slot(std::int32_t slot, std::size_t own, DispatchPlan const& plan) {
    bool const is_own = slot >= plan.send_begin[own] && slot < plan.send_begin[own + 1];
    return static_cast<std::int32_t>(
        slot + (is_own ? plan.receive_begin[own] - plan.send_begin[own] : plan.num_rows())
    );
}

// [E]: sums over the tokens that are among those routed.
std::vector<double> probability_sums(
    View<float const, 2> probs, View<std::int32_t const, 1> among
) {
    auto const [tokens, experts] = probs.shape;
    std::vector<double> sums(index(experts), 0.0);
    for (std::int64_t n = 0; n < tokens; ++n) {
        if (among.data != nullptr && among.data[n] == 0) {
            continue;
        }
        for (std::int64_t e = 0; e < experts; ++e) {
            sums[index(e)] += static_cast<double>(probs.data[n * experts + e]);
        }
    }
    return sums;
}

}  // namespace

RoutingCounts count_routing(Counted const& counted, ExpertSeats const& seats, int num_ranks) {
    auto const& expert = counted.expert;
    auto const [tokens, choices] = expert.shape;
    auto const experts = static_cast<std::int32_t>(seats.rank.size());
    RoutingCounts counts{
        std::vector<std::int64_t>(index(num_ranks) + 1, 0),
        std::vector<std::int64_t>(index(experts), 0),
        {}};
    for (std::int64_t n = 0; n < tokens; ++n) {
        auto const* const chosen = expert.data + n * choices;
        for (std::int64_t k = 0; k < choices; ++k) {
            require(
                chosen[k] >= -1 && chosen[k] < experts,
                "dispatch plan: token {} chose expert {} of {}", n, chosen[k], experts
            );
            if (chosen[k] < 0) {
                continue;
            }
            ++counts.expert_tokens[index(chosen[k])];
            if (first_choice_of_rank(chosen, seats, k) == k) {
                ++counts.send_begin[index(seats.rank[index(chosen[k])]) + 1];
            }
        }
    }
    counts_to_begin(counts.send_begin);
    if (counted.probs.data != nullptr) {
        counts.probability = probability_sums(counted.probs, counted.among);
    }
    return counts;
}

void fill_slots(
    View<std::int32_t const, 2> expert, ExpertSeats const& seats, DispatchPlan const& plan
) {
    auto const [tokens, choices] = expert.shape;
    auto const own = index(seats.source);
    auto next = plan.send_begin;
    std::int32_t listed = 0;
    plan.token_slot_begin.data[0] = 0;
    for (std::int64_t n = 0; n < tokens; ++n) {
        auto const* const chosen = expert.data + n * choices;
        auto* const slots = plan.choice_slot.data + n * choices;
        for (std::int64_t k = 0; k < choices; ++k) {
            if (chosen[k] < 0) {
                slots[k] = -1;
                continue;
            }
            auto const first = first_choice_of_rank(chosen, seats, k);
            if (first < k) {
                slots[k] = slots[first];
                continue;
            }
            slots[k] = static_cast<std::int32_t>(next[index(seats.rank[index(chosen[k])])]++);
            plan.send_token.data[slots[k]] = static_cast<std::int32_t>(n);
            plan.token_return.data[listed++] = slots[k];
        }
        auto* const begin = plan.token_return.data + plan.token_slot_begin.data[n];
        auto* const end = plan.token_return.data + listed;
        std::sort(begin, end);
        std::transform(begin, end, begin, [&](auto slot) {
            return return_of_slot(slot, own, plan);
        });
        plan.token_slot_begin.data[n + 1] = listed;
    }
}

void fill_routes(
    View<std::int32_t const, 2> expert,
    View<float const, 2> gate,
    ExpertSeats const& seats,
    View<std::int32_t const, 2> choice_slot,
    View<std::int32_t, 2> route
) {
    auto const [tokens, choices] = expert.shape;
    for (std::int64_t s = 0; s < route.shape[0]; ++s) {
        std::fill_n(route.data + s * 2 * choices, choices, -1);
        std::fill_n(route.data + s * 2 * choices + choices, choices, 0);
    }
    for (std::int64_t n = 0; n < tokens; ++n) {
        for (std::int64_t k = 0; k < choices; ++k) {
            auto const i = n * choices + k;
            if (expert.data[i] < 0) {
                continue;
            }
            auto const slot = choice_slot.data == nullptr ? n : choice_slot.data[i];
            auto* const entry = route.data + slot * 2 * choices;
            entry[k] = seats.local[index(expert.data[i])];
            entry[choices + k] = std::bit_cast<std::int32_t>(gate.data[i]);
        }
    }
}

void fill_pairs(View<std::int32_t const, 2> route, DispatchPlan const& plan) {
    auto const [rows, width] = route.shape;
    auto const choices = width / 2;
    auto const num_local = static_cast<std::int32_t>(plan.expert_begin.size()) - 1;
    auto next = plan.expert_begin;
    std::int32_t listed = 0;
    plan.row_pair_begin.data[0] = 0;
    for (std::int64_t r = 0; r < rows; ++r) {
        auto const* const entry = route.data + r * width;
        for (std::int64_t k = 0; k < choices; ++k) {
            require(
                entry[k] >= -1 && entry[k] < num_local,
                "dispatch plan: row {} wants expert {} of the {} that this rank holds", r, entry[k],
                num_local
            );
            if (entry[k] < 0) {
                continue;
            }
            auto const pair = next[index(entry[k])]++;
            auto const gate = std::bit_cast<float>(entry[choices + k]);
            plan.pair_row.data[pair] = static_cast<std::int32_t>(r);
            plan.pair_choice.data[pair] = static_cast<std::int32_t>(k);
            plan.pair_gate.data[pair] = gate;
            plan.row_gate.data[listed] = gate;
            plan.row_pair.data[listed++] = static_cast<std::int32_t>(pair);
        }
        plan.row_pair_begin.data[r + 1] = listed;
    }
}

void pairs_to_rows(View<float const, 1> pairs, DispatchPlan const& plan, View<float, 2> rows) {
    std::fill_n(rows.data, rows.size(), 0.0F);
    for (std::int64_t m = 0; m < pairs.shape[0]; ++m) {
        rows.data[plan.pair_row.data[m] * rows.shape[1] + plan.pair_choice.data[m]] = pairs.data[m];
    }
}

void slots_to_choices(
    View<float const, 2> slots, DispatchPlan const& plan, View<float, 2> choices
) {
    auto const [tokens, width] = choices.shape;
    for (std::int64_t n = 0; n < tokens; ++n) {
        for (std::int64_t k = 0; k < width; ++k) {
            auto const slot = plan.choice_slot.data[n * width + k];
            choices.data[n * width + k] = slot < 0 ? 0.0F : slots.data[slot * width + k];
        }
    }
}

void give_experts(
    View<std::int32_t const, 1> given,
    std::int32_t num_experts,
    View<std::int32_t, 2> expert,
    View<float, 2> gate
) {
    auto const [tokens, choices] = expert.shape;
    std::fill_n(expert.data, expert.size(), -1);
    std::fill_n(gate.data, gate.size(), 0.0F);
    for (std::int64_t n = 0; n < tokens; ++n) {
        auto const its = given.data == nullptr ? 0 : given.data[n];
        require(
            its >= 0 && its < num_experts, "hard routing: token {} is given expert {} of {}", n,
            its, num_experts
        );
        expert.data[n * choices] = its;
        gate.data[n * choices] = 1.0F;
    }
}

}  // namespace isogloss::cpu

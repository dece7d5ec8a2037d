// moe/travel_steps.cpp
#include "moe/travel_steps.h"

#include <algorithm>

namespace isogloss {
namespace {

// Steps of one pass: the rank's own rows, and those of the others in so many parts at most.
constexpr int kMostSteps = 4;
// Below so many rows an expert and step, a step's products read their weights for too little.
constexpr std::int64_t kRowsOfProduct = 1024;

// Appends a range, as part of the last one where it goes on there.
void append(std::vector<Range>& ranges, Range range) {
    if (range.size() == 0) {
        return;
    }
    if (!ranges.empty() && ranges.back().end == range.begin) {
        ranges.back().end = range.end;
    } else {
        ranges.push_back(range);
    }
}

// The ranges [begin[p], begin[p + 1]) of ranks p that are heard, ranks ascending.
std::vector<Range> heard(
    std::span<std::int64_t const> begin, Distances distances, MpiComm const& group
) {
    std::vector<Range> ranges;
    for (int p = 0; p < group.size(); ++p) {
        if (distances.hears(group.rank(), p, group.size())) {
            append(ranges, {begin[index(p)], begin[index(p) + 1]});
        }
    }
    return ranges;
}

}  // namespace

std::vector<Distances> travel_steps(
    DispatchPlan const& plan, int num_experts, MpiComm const& group, Device device, Overlap overlap
) {
    auto const ranks = group.size();
    auto count = static_cast<std::int64_t>(std::min(ranks, kMostSteps));
    if (overlap == Overlap::where_it_pays) {
        auto const affordable = plan.group_choices / (num_experts * kRowsOfProduct);
        count = device == Device::cpu ? 1 : std::min(count, affordable);
    }
    if (!plan.travels || count <= 1) {
        return {Distances{}};
    }
    std::vector<Distances> steps{{0, 1}};
    auto const away = static_cast<int>(count) - 1;
    for (int s = 0; s < away; ++s) {
        auto const part = even_part(ranks - 1, away, s);
        steps.push_back({1 + static_cast<int>(part.begin), 1 + static_cast<int>(part.end)});
    }
    return steps;
}

PairSelection pairs_from(DispatchPlan const& plan, Distances distances, MpiComm const& group) {
    if (!plan.travels || (distances.has_itself() && distances.end >= group.size())) {
        return {};
    }
    PairSelection selection{false, {}};
    auto const ranks = index(group.size());
    auto const experts = plan.expert_begin.size() - 1;
    for (std::size_t l = 0; l < experts; ++l) {
        auto const begin = std::span(plan.source_begin).subspan(l * (ranks + 1), ranks + 1);
        for (auto const& pairs : heard(begin, distances, group)) {
            selection.parts.push_back({l, pairs});
        }
    }
    return selection;
}

std::vector<Range> rows_from_others(
    DispatchPlan const& plan, Distances distances, MpiComm const& group
) {
    return heard(plan.receive_begin, distances.others(), group);
}

}  // namespace isogloss

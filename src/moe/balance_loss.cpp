// moe/balance_loss.cpp
#include "moe/balance_loss.h"

#include <algorithm>
#include <numeric>

#include "base/require.h"
#include "comm/collective.h"

namespace isogloss {
namespace {

// [tokens, choices of each expert, probability of each expert] of every routed layer: one list, so
// that one sum over ranks serves all.
std::vector<double> packed(std::span<RoutingStats const> layers) {
    std::vector<double> list;
    for (auto const& stats : layers) {
        require(
            stats.router_choices.size() == stats.probability.size(),
            "balance loss: choices of {} experts, probabilities of {}", stats.router_choices.size(),
            stats.probability.size()
        );
        if (stats.router_choices.empty()) {
            continue;
        }
        list.push_back(static_cast<double>(stats.tokens));
        list.insert(list.end(), stats.router_choices.begin(), stats.router_choices.end());
        list.insert(list.end(), stats.probability.begin(), stats.probability.end());
    }
    return list;
}

// Totals of one layer over all ranks.
struct LayerTotals {
    double tokens = 0.0;
    std::span<double const> choices;      // [E]
    std::span<double const> probability;  // [E]

    [[nodiscard]] double all_choices() const {
        return std::accumulate(choices.begin(), choices.end(), 0.0);
    }
};

// c E f_e: what P_e is multiplied by.
std::vector<double> factors(LayerTotals const& totals, BalanceScale scale) {
    auto const all = totals.all_choices();
    auto const experts = static_cast<double>(totals.choices.size());
    auto const c = scale == BalanceScale::one ? 1.0 : all / totals.tokens;
    std::vector<double> factor;
    for (auto const choices : totals.choices) {
        factor.push_back(c * experts * choices / all);
    }
    return factor;
}

}  // namespace

BalanceLoss balance_loss(
    std::span<RoutingStats const> layers,
    BalanceScale scale,
    double coefficient,
    MpiComm const& group
) {
    auto list = packed(layers);
    sum_over(std::span<double>(list), group);
    auto const routed = static_cast<double>(std::ranges::count_if(layers, [](auto const& stats) {
        return !stats.router_choices.empty();
    }));
    BalanceLoss loss;
    std::span<double const> rest(list);
    for (auto const& stats : layers) {
        auto const experts = stats.router_choices.size();
        auto& slope = loss.slope.emplace_back(experts, 0.0F);
        if (experts == 0) {
            continue;
        }
        LayerTotals const totals{
            rest[0], rest.subspan(1, experts), rest.subspan(1 + experts, experts)};
        rest = rest.subspan(1 + 2 * experts);
        if (totals.tokens == 0.0) {
            continue;
        }
        auto const factor = factors(totals, scale);
        for (std::size_t e = 0; e < experts; ++e) {
            loss.value += factor[e] * totals.probability[e] / totals.tokens / routed;
            slope[e] = static_cast<float>(coefficient * factor[e] / totals.tokens / routed);
        }
    }
    return loss;
}

}  // namespace isogloss

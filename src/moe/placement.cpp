// moe/placement.cpp
#include "moe/placement.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <tuple>

#include "base/math.h"
#include "base/require.h"

namespace isogloss {
namespace {

// One layer of the request, with what is left out filled in.
struct LayerRequest {
    std::vector<double> share;        // [expert], sum 1
    std::vector<std::int32_t> group;  // [expert]
    int num_ranks = 1;
    int ranks_per_node = 1;

    [[nodiscard]] std::int32_t num_experts() const {
        return static_cast<std::int32_t>(share.size());
    }
    [[nodiscard]] int node_of(int rank) const { return rank / ranks_per_node; }
};

// What each rank has so far.
struct Loads {
    std::vector<double> share;
    std::vector<int> experts;
    std::vector<std::int64_t> earlier;  // experts in earlier layers

    [[nodiscard]] auto key(int rank) const {
        return std::tuple(share[index(rank)], experts[index(rank)], earlier[index(rank)], rank);
    }
    [[nodiscard]] double busiest() const { return *std::ranges::max_element(share); }
};

Loads no_loads(std::span<std::int64_t const> earlier) {
    return {
        std::vector<double>(earlier.size(), 0.0),
        std::vector<int>(earlier.size(), 0),
        {earlier.begin(), earlier.end()}};
}

// Experts by falling share; equal ones by group, then number.
std::vector<std::int32_t> largest_first(LayerRequest const& layer) {
    std::vector<std::int32_t> order(index(layer.num_experts()));
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](std::int32_t a, std::int32_t b) {
        return std::tuple(-layer.share[index(a)], layer.group[index(a)]) <
               std::tuple(-layer.share[index(b)], layer.group[index(b)]);
    });
    return order;
}

// Gives `expert` to the least loaded of ranks [begin, end). False where all of them are full.
bool give(
    std::int32_t expert, LayerRequest const& layer, Range ranks, Loads& loads, LayerPlacement& out
) {
    auto const limit = 2 * ceil_div(layer.num_experts(), layer.num_ranks);
    std::optional<int> best;
    for (auto rank = static_cast<int>(ranks.begin); rank < ranks.end; ++rank) {
        if (loads.experts[index(rank)] < limit && (!best || loads.key(rank) < loads.key(*best))) {
            best = rank;
        }
    }
    if (!best) {
        return false;
    }
    loads.share[index(*best)] += layer.share[index(expert)];
    ++loads.experts[index(*best)];
    out.ranks[index(expert)] = {*best};
    return true;
}

LayerPlacement spread(LayerRequest const& layer, Loads& loads) {
    LayerPlacement out{std::vector<std::vector<int>>(index(layer.num_experts()))};
    for (auto const expert : largest_first(layer)) {
        bool const is_given = give(expert, layer, {0, layer.num_ranks}, loads, out);
        require(is_given, "placement: no rank has room for expert {}", expert);
    }
    return out;
}

// The node of each group: largest group first, to the node with the least share a rank.
std::map<std::int32_t, int> nodes_of_groups(LayerRequest const& layer) {
    std::map<std::int32_t, double> share;
    for (std::size_t e = 0; e < layer.share.size(); ++e) {
        share[layer.group[e]] += layer.share[e];
    }
    std::vector<std::pair<double, std::int32_t>> order;
    for (auto const& [group, sum] : share) {
        order.emplace_back(-sum, group);
    }
    std::ranges::sort(order);
    auto const num_nodes = ceil_div(layer.num_ranks, layer.ranks_per_node);
    std::vector<double> load(index(num_nodes), 0.0);
    std::map<std::int32_t, int> node_of_group;
    for (auto const& [negative_share, group] : order) {
        auto const node = std::ranges::min_element(load) - load.begin();
        auto const first = node * layer.ranks_per_node;
        auto const ranks = std::min<std::int64_t>(layer.ranks_per_node, layer.num_ranks - first);
        load[index(node)] -= negative_share / static_cast<double>(ranks);
        node_of_group[group] = static_cast<int>(node);
    }
    return node_of_group;
}

// Each group on one node; nothing where a node has no room.
std::optional<LayerPlacement> spread_by_group(LayerRequest const& layer, Loads& loads) {
    LayerPlacement out{std::vector<std::vector<int>>(index(layer.num_experts()))};
    auto const nodes = nodes_of_groups(layer);
    for (auto const expert : largest_first(layer)) {
        std::int64_t const first = nodes.at(layer.group[index(expert)]) * layer.ranks_per_node;
        auto const end = std::min<std::int64_t>(first + layer.ranks_per_node, layer.num_ranks);
        if (!give(expert, layer, {first, end}, loads, out)) {
            return std::nullopt;
        }
    }
    return out;
}

LayerPlacement one_rank_each(LayerRequest const& layer, std::span<std::int64_t const> earlier) {
    auto free_loads = no_loads(earlier);
    auto free_placement = spread(layer, free_loads);
    auto group_loads = no_loads(earlier);
    auto group_placement = spread_by_group(layer, group_loads);
    constexpr double kRounding = 1e-9;  // shares sum to 1
    if (group_placement && group_loads.busiest() <= free_loads.busiest() + kRounding) {
        return *group_placement;
    }
    return free_placement;
}

// Replicas go one by one to the expert whose holders are busiest; among equals the turn starts at
// another expert in each layer.
LayerPlacement one_expert_each(LayerRequest const& layer, std::size_t layer_index) {
    auto const experts = index(layer.num_experts());
    std::vector<int> holders(experts, 1);
    for (int spare = layer.num_ranks - layer.num_experts(); spare > 0; --spare) {
        auto const busyness = [&](std::size_t e) { return layer.share[e] / holders[e]; };
        auto best = layer_index % experts;
        for (std::size_t i = 1; i < experts; ++i) {
            auto const e = (layer_index + i) % experts;
            best = busyness(e) > busyness(best) ? e : best;
        }
        ++holders[best];
    }
    std::vector<std::size_t> order(experts);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t e) { return layer.group[e]; });
    LayerPlacement out{std::vector<std::vector<int>>(experts)};
    int next = 0;
    for (auto const e : order) {
        for (int i = 0; i < holders[e]; ++i) {
            out.ranks[e].push_back(next++);
        }
    }
    return out;
}

void check(PlacementRequest const& request) {
    require_usage(
        request.num_ranks >= 1 && request.ranks_per_node >= 1,
        "placement: {} ranks, {} a node; both must be at least 1", request.num_ranks,
        request.ranks_per_node
    );
    auto const layers = request.experts_per_layer.size();
    require_usage(
        (request.expected_share.empty() || request.expected_share.size() == layers) &&
            (request.group.empty() || request.group.size() == layers),
        "placement: {} layers, but shares for {} and groups for {}; give them for all layers or "
        "none",
        layers, request.expected_share.size(), request.group.size()
    );
    for (auto const experts : request.experts_per_layer) {
        require_usage(experts >= 1, "placement: a layer with {} experts; 1 is the least", experts);
    }
}

LayerRequest layer_request(PlacementRequest const& request, std::size_t l) {
    auto const experts = index(request.experts_per_layer[l]);
    LayerRequest layer{
        std::vector<double>(experts, 1.0), std::vector<std::int32_t>(experts, 0), request.num_ranks,
        request.ranks_per_node};
    if (!request.expected_share.empty() && !request.expected_share[l].empty()) {
        layer.share = request.expected_share[l];
    }
    if (!request.group.empty() && !request.group[l].empty()) {
        layer.group = request.group[l];
    }
    require_usage(
        layer.share.size() == experts && layer.group.size() == experts,
        "placement: layer {} has {} experts, but {} shares and {} groups", l, experts,
        layer.share.size(), layer.group.size()
    );
    double sum = 0.0;
    for (auto const share : layer.share) {
        require_usage(
            std::isfinite(share) && share >= 0.0,
            "placement: layer {} has an expected share of {}; shares are 0 or more", l, share
        );
        sum += share;
    }
    require_usage(sum > 0.0, "placement: all expected shares of layer {} are 0", l);
    for (auto& share : layer.share) {
        share /= sum;
    }
    return layer;
}

LayerPlacement on_all_ranks(int num_ranks) {
    LayerPlacement out{{std::vector<int>(index(num_ranks))}};
    std::iota(out.ranks[0].begin(), out.ranks[0].end(), 0);
    return out;
}

}  // namespace

bool LayerPlacement::holds(std::int32_t expert, int rank) const {
    return std::ranges::binary_search(ranks.at(index(expert)), rank);
}

std::vector<std::int32_t> LayerPlacement::experts_of(int rank) const {
    std::vector<std::int32_t> held;
    for (std::int32_t expert = 0; expert < num_experts(); ++expert) {
        if (holds(expert, rank)) {
            held.push_back(expert);
        }
    }
    return held;
}

int LayerPlacement::holder_for(std::int32_t expert, int source) const {
    auto const& holders = ranks.at(index(expert));
    return holds(expert, source) ? source : holders[index(source) % holders.size()];
}

bool LayerPlacement::is_local(int num_ranks) const {
    return std::ranges::all_of(ranks, [&](auto const& holders) {
        return holders.size() == index(num_ranks);
    });
}

Placement place_experts(PlacementRequest const& request) {
    check(request);
    Placement out;
    std::vector<std::int64_t> earlier(index(request.num_ranks), 0);
    for (std::size_t l = 0; l < request.experts_per_layer.size(); ++l) {
        auto const layer = layer_request(request, l);
        if (layer.num_experts() == 1) {
            out.layers.push_back(on_all_ranks(request.num_ranks));
        } else if (layer.num_experts() < request.num_ranks) {
            out.layers.push_back(one_expert_each(layer, l));
        } else {
            out.layers.push_back(one_rank_each(layer, earlier));
        }
        for (int rank = 0; rank < request.num_ranks; ++rank) {
            earlier[index(rank)] +=
                static_cast<std::int64_t>(out.layers.back().experts_of(rank).size());
        }
    }
    return out;
}

}  // namespace isogloss

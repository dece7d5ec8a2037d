// moe/routing.h - how tokens are routed, and what the routing of a micro-batch says about itself.
#pragma once

#include <cstdint>
#include <vector>

namespace isogloss {

enum class RoutingMode : std::uint8_t {
    top_k,  ///< the router's K best, weighted by their renormalised probabilities
};

/// How one micro-batch is routed; the same on every rank.
struct Routing {
    RoutingMode mode = RoutingMode::top_k;
};

/// Of this rank's tokens in one layer of one micro-batch. A layer without a router leaves the lists
/// empty.
struct RoutingStats {
    std::int64_t tokens = 0;                  ///< N
    std::vector<std::int64_t> expert_tokens;  ///< [E] choices, all K counted; sum is K N
    std::vector<double> probability;          ///< [E] sum over tokens of the router's probability
};

}  // namespace isogloss

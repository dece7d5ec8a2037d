// moe/routing.h - how tokens are routed, and what the routing of a micro-batch says about itself.
#pragma once

#include <cstdint>
#include <vector>

#include "device/view.h"
#include "moe/router_losses.h"

namespace isogloss {

enum class RoutingMode : std::uint8_t {
    top_k,  ///< the router's K best, weighted by their probabilities
    hard,   ///< one given expert a token, gate 1: DMoE, arXiv:2506.12388
};

/// The gates of the K experts that a router chose, from its probabilities p over all E.
enum class GateScale : std::uint8_t {
    renormalised,   ///< p_k / sum of the chosen: they add up to 1
    probabilities,  ///< p_k as it is: they add up to less, as in Qwen2-MoE, arXiv:2407.10671
};

constexpr char const* name_of(GateScale scale) {
    return scale == GateScale::renormalised ? "renormalised" : "probabilities";
}

/// What a layer's classifier decides about at once.
enum class ClassifierSpan : std::uint8_t {
    sequence,  ///< all tokens of a row, by the sum of their vectors: as released with LayerMoE
    token,     ///< each token by itself: as its paper says
};

constexpr char const* name_of(ClassifierSpan span) {
    return span == ClassifierSpan::sequence ? "sequence" : "token";
}

/// Where the sums that a classifier decides rows by come from.
enum class ClassSums : std::uint8_t {
    of_tokens,  ///< the tokens of the pass
    keep,       ///< the same, left in Routing::class_sums
    given,      ///< Routing::class_sums: the row's decision was made on earlier tokens
};

/// How the tokens of one micro-batch are routed in one layer: N tokens in B rows of T. The mode,
/// `classify` and the numbers are the same on every rank; views belong to this rank's tokens and
/// may have null data where nobody asks for them.
struct Routing {
    RoutingMode mode = RoutingMode::top_k;
    View<std::int32_t const, 1> expert;  ///< [N] hard: the expert of a token
    /// Asks the layer's classifier, if it has one. Class 0: the token goes to expert 0 alone with
    /// gate 1, past the router. Class 1: the router's K best among its first `class_one_experts`.
    /// LayerMoE, arXiv:2505.22582.
    bool classify = false;
    std::int32_t class_one_experts = 0;               ///< 0: all
    std::int64_t row_length = 0;                      ///< T
    View<std::int32_t const, 1> row_tokens;           ///< [B] tokens of each row before its padding
    ClassSums class_sums_use = ClassSums::of_tokens;  ///< of a classifier that decides about rows
    View<float, 2> class_sums;                        ///< [B, D]
    RouterLossTerms losses;                           ///< of a training pass
};

/// Labelled decisions of a classifier: rows (sequence) or tokens whose language is known to be old
/// or new. Padding is not counted.
struct ClassifierCounts {
    std::int64_t decisions = 0;
    std::int64_t correct = 0;    ///< old as class 0, new as class 1
    std::int64_t old_class = 0;  ///< decided for class 0
};

/// Of this rank's tokens in one layer of one micro-batch. A layer without a router leaves all but
/// `tokens` empty.
struct RoutingStats {
    std::int64_t tokens = 0;  ///< that the router routed: not the hard ones, not those of class 0
    std::vector<std::int64_t> router_choices;  ///< [E] choices of those, all K counted
    std::vector<double> probability;           ///< [E] sum over those of the router's probability
    std::vector<std::int64_t> expert_tokens = {};  ///< [E] choices of all tokens: the experts' load
    RouterLossValues losses = {};
    ClassifierCounts classifier = {};
};

}  // namespace isogloss

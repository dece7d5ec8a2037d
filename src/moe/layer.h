// moe/layer.h - one mixture-of-experts feed-forward: router, plan, dispatch, experts, combine.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "comm/mpi_comm.h"
#include "device/arena.h"
#include "device/view.h"
#include "moe/classifier.h"
#include "moe/dispatch_plan.h"
#include "moe/experts.h"
#include "moe/placement.h"
#include "moe/routed_experts.h"
#include "moe/router.h"
#include "moe/routing.h"
#include "moe/shape.h"
#include "moe/shared_expert.h"

namespace isogloss {

/// A layer's parameters on this rank.
template <class T>
struct MoeWeights {
    View<float const, 2> router;     ///< [E, D]; null data with one expert
    View<float, 2> router_gradient;  ///< [E, D]; null data: frozen
    Classifier classifier;
    std::vector<ExpertWeights<T>> experts;  ///< of placement.experts_of(rank), ascending
    SharedExpertWeights<T> shared;
};

/// What forward leaves for backward: views into the arena that was given to forward, and x.
template <class T>
struct MoeActivations {
    View<T const, 2> x;
    Routing routing;
    ClassifierChoice classes;
    RouterChoice choice;
    DispatchPlan plan;
    RoutedActivations<T> routed;
    ExpertActivations<T> single;  ///< of a layer with one expert
    SharedActivations<T> shared;
};

///     y[n] = sum_k gate[n, k] FFN_{expert[n, k]}(x[n])  [+ sigmoid(g . x[n]) FFN_shared(x[n])]
///
/// with one expert: y[n] = FFN_0(x[n]), without router, plan and ranks. Hard tokens and those that
/// the classifier holds for old have one choice, gate 1, whose gate has no gradient; the shared
/// expert, where there is one, works for them as for all.
///
/// Forward, forward and backward of all layers must be called in the same order on every rank, also
/// on ranks without tokens: each is collective over the group given at construction.
template <class T>
class MoeLayer {
public:
    /// `group` and the memory of the weights must outlive the layer.
    /// @throws Error  when a weight's shape is not what shape and placement say
    MoeLayer(
        MoeShape const& shape,
        LayerPlacement const& placement,
        MpiComm const& group,
        MoeWeights<T> weights,
        Overlap overlap = Overlap::where_it_pays
    );

    /// x [N, D], y [N, D] out. Leaves in `arena`, unreleased, what `saved` points to; `x` itself
    /// must also live until backward.
    void forward(
        View<T const, 2> x,
        View<T, 2> y,
        Routing const& routing,
        Arena& arena,
        MoeActivations<T>& saved,
        RoutingStats& stats,
        Stream stream
    );

    /// The same values for evaluation: nothing is kept, and the arena is left as it was.
    void forward(
        View<T const, 2> x,
        View<T, 2> y,
        Routing const& routing,
        Arena& arena,
        RoutingStats& stats,
        Stream stream
    );

    /// dx [N, D] = d loss / d x (what it held is lost), and adds to the gradients of the weights.
    /// Without dx, which every rank gives or none, only what the weights need is computed.
    /// @param dy           [N, D]
    /// @param probs_slope  [E] of BalanceLoss::slope; empty: no loss on the router's probabilities
    void backward(
        View<T const, 2> dy,
        std::optional<View<T, 2>> dx,
        MoeActivations<T> const& saved,
        std::span<float const> probs_slope,
        Arena& arena,
        Stream stream
    );

    [[nodiscard]] std::int32_t num_experts() const { return num_experts_; }
    [[nodiscard]] bool has_router() const { return num_experts_ > 1; }
    /// Since construction.
    [[nodiscard]] ExchangeTally const& tally() const { return routed_.tally(); }

private:
    /// Fills saved.classes and saved.choice, and of the stats what they know.
    void choose(
        View<T const, 2> x,
        Arena& arena,
        MoeActivations<T>& saved,
        RoutingStats& stats,
        Stream stream
    );
    void single_forward(
        View<T const, 2> x, View<T, 2> y, Arena& arena, MoeActivations<T>& saved, Stream stream
    );
    void routed_backward(
        View<T const, 2> dy,
        std::optional<View<T, 2>> dx,
        MoeActivations<T> const& saved,
        std::span<float const> probs_slope,
        Arena& arena,
        Stream stream
    );
    /// Whether anybody needs d loss / d gate: the router, or what is below it. The gates of hard
    /// routing are constant.
    [[nodiscard]] bool wants_gates(Routing const& routing, bool goes_below) const {
        bool const trains = weights_.router_gradient.data != nullptr;
        return routing.mode != RoutingMode::hard && (trains || goes_below);
    }
    /// Adds to dx what comes through router and classifier: summed in float, rounded once each.
    void scores_backward(
        RouterGradients const& gradients,
        std::optional<View<T, 2>> dx,
        MoeActivations<T> const& saved,
        Arena& arena,
        Stream stream
    );
    void single_backward(
        View<T const, 2> dy,
        std::optional<View<T, 2>> dx,
        MoeActivations<T> const& saved,
        Arena& arena,
        Stream stream
    );
    [[nodiscard]] ExpertGroup<T> group_of(std::span<std::int64_t const> begin) const {
        return {begin, weights_.experts, shape_.feed_forward};
    }

    MoeShape shape_;
    std::int32_t num_experts_;
    MpiComm const* group_;
    MoeWeights<T> weights_;
    ExpertSeats seats_;
    RoutedExperts<T> routed_;
};

}  // namespace isogloss

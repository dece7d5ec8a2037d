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
#include "moe/exchange.h"
#include "moe/experts.h"
#include "moe/placement.h"
#include "moe/router.h"
#include "moe/routing.h"
#include "moe/shared_expert.h"
#include "moe/travel_steps.h"

namespace isogloss {

/// Whether anything below a layer needs the gradient of its input.
enum class InputGradient : std::uint8_t { wanted, unwanted };

struct MoeShape {
    std::int64_t width = 0;   ///< D
    std::int64_t hidden = 0;  ///< F, of one expert
    std::int32_t top_k = 1;   ///< K; a layer with fewer experts uses them all
    FeedForwardKind feed_forward = FeedForwardKind::swiglu;
    GateScale gates = GateScale::renormalised;
    std::int64_t shared_hidden = 0;  ///< Fs, of the shared expert; 0: there is none

    /// Rows of an expert's first matrix: 2F with a gate, else F.
    [[nodiscard]] std::int64_t first() const { return first_rows(feed_forward, hidden); }
};

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
    View<T const, 2> received;  ///< [R, D]; null data where all experts here are frozen
    ExpertActivations<T> experts;
    View<T, 2> computed;  ///< [M, D] outputs of the experts, for the gates' gradient
    SharedActivations<T> shared;
};

/// The gradients of the experts' results at the rank that computed them.
template <class T>
struct PairGradients {
    View<T const, 2> received;  ///< [R, D] of the rows
    View<T, 2> pairs;           ///< [M, D] times their gates; null data: nobody needs them
    View<T, 2> hidden;          ///< [M, F] d loss / d hidden
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
    [[nodiscard]] ExchangeTally const& tally() const { return exchange_.tally(); }

private:
    /// Fills saved.classes and saved.choice, and of the stats what they know.
    void choose(
        View<T const, 2> x,
        Arena& arena,
        MoeActivations<T>& saved,
        RoutingStats& stats,
        Stream stream
    );
    void routed_forward(
        View<T const, 2> x, View<T, 2> y, Arena& arena, MoeActivations<T>& saved, Stream stream
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
    /// d loss / d gate of the pairs on its way home; nothing where the gates are constant or nobody
    /// needs it.
    std::optional<View<float const, 2>> begin_gates_backward(
        View<T const, 2> dy_received,
        InputGradient wanted,
        MoeActivations<T> const& saved,
        Arena& arena,
        Stream stream
    );
    /// dy goes where its token went. Back come the gradients of the pairs' results and what is made
    /// of them while others travel.
    PairGradients<T> receive_gradients(
        View<T const, 2> dy,
        bool goes_on,
        MoeActivations<T> const& saved,
        Arena& arena,
        Stream stream
    );
    /// Adds to the gradients of the experts' weights, and dx = the sums of the pairs' gradients.
    void pairs_backward(
        PairGradients<T> const& gradients,
        std::optional<View<T, 2>> dx,
        MoeActivations<T> const& saved,
        Arena& arena,
        Stream stream
    );
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
    /// The memory for a dispatch's rows; null data where nothing travels.
    [[nodiscard]] View<T, 2> take_rows(DispatchPlan const& plan, Arena& arena) const;
    [[nodiscard]] std::vector<Distances> steps_of(DispatchPlan const& plan, Device device) const {
        return travel_steps(plan, num_experts_, *group_, device, overlap_);
    }
    [[nodiscard]] ExpertGroup<T> group_of(std::span<std::int64_t const> begin) const {
        return {begin, weights_.experts, shape_.feed_forward};
    }

    MoeShape shape_;
    std::int32_t num_experts_;
    MpiComm const* group_;
    MoeWeights<T> weights_;
    ExpertSeats seats_;
    Exchange exchange_;
    Overlap overlap_;
};

}  // namespace isogloss

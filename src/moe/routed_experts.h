// moe/routed_experts.h - the experts of a layer as tokens reach them along a dispatch plan.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "comm/mpi_comm.h"
#include "device/arena.h"
#include "device/view.h"
#include "moe/dispatch_plan.h"
#include "moe/exchange.h"
#include "moe/experts.h"
#include "moe/shape.h"
#include "moe/travel_steps.h"

namespace isogloss {

/// What forward leaves for backward: views into its arena, or x.
template <class T>
struct RoutedActivations {
    View<T const, 2> received;  ///< [R, D]; null data where all experts here are frozen
    ExpertActivations<T> experts;
    View<T, 2> computed;  ///< [M, D] outputs of the experts, for the gates' gradient
};

/// The gradients of the experts' results at the rank that computed them.
template <class T>
struct PairGradients {
    View<T const, 2> received;  ///< [R, D] of the rows
    View<T, 2> pairs;           ///< [M, D] times their gates; null data: nobody needs them
    View<T, 2> hidden;          ///< [M, F] d loss / d hidden
};

/// Dispatch, experts, combine, and the way back, in the steps of moe/travel_steps.h. N tokens here,
/// R rows received, M pairs, D width, F of an expert, K choices. Every function is collective over
/// the group of construction; `experts` are those of this rank, with the plan's pairs.
template <class T>
class RoutedExperts {
public:
    /// `group` must outlive this.
    RoutedExperts(
        MoeShape const& shape, std::int32_t num_experts, MpiComm const& group, Overlap overlap
    )
        : shape_(shape),
          num_experts_(num_experts),
          group_(&group),
          exchange_(group),
          overlap_(overlap) {}

    /// y[n] = sum_k gate[n, k] FFN_{expert[n, k]}(x[n]).              x [N, D], y [N, D] out
    void forward(
        View<T const, 2> x,
        View<T, 2> y,
        DispatchPlan const& plan,
        ExpertGroup<T> const& experts,
        Arena& arena,
        RoutedActivations<T>& saved,
        Stream stream
    );

    /// The first part of the way back: dy [N, D] goes where its token went. With `goes_on` also the
    /// gradients of the pairs, made while others travel.
    PairGradients<T> receive_gradients(
        View<T const, 2> dy,
        DispatchPlan const& plan,
        ExpertGroup<T> const& experts,
        bool goes_on,
        Arena& arena,
        Stream stream
    );
    /// d loss / d gate of the pairs, on its way home until end_gates: choices [N, K] out.
    View<float const, 2> begin_gates(
        PairGradients<T> const& gradients,
        DispatchPlan const& plan,
        RoutedActivations<T> const& saved,
        Arena& arena,
        Stream stream
    );
    void end_gates(
        View<float const, 2> under_way,
        DispatchPlan const& plan,
        View<float, 2> choices,
        Stream stream
    ) {
        exchange_.end_return(under_way, plan, choices, stream);
    }
    /// Adds to the gradients of the experts' weights, and dx [N, D] = the sums of the pairs'
    /// gradients. What `gradients` holds is lost.
    void backward(
        PairGradients<T> const& gradients,
        std::optional<View<T, 2>> dx,
        DispatchPlan const& plan,
        ExpertGroup<T> const& experts,
        RoutedActivations<T> const& saved,
        Arena& arena,
        Stream stream
    );

    /// Since construction.
    [[nodiscard]] ExchangeTally const& tally() const { return exchange_.tally(); }

private:
    /// The memory for a dispatch's rows; null data where nothing travels.
    [[nodiscard]] View<T, 2> take_rows(DispatchPlan const& plan, Arena& arena) const;
    [[nodiscard]] std::vector<Distances> steps_of(DispatchPlan const& plan, Device device) const {
        return travel_steps(plan, num_experts_, *group_, device, overlap_);
    }

    MoeShape shape_;
    std::int32_t num_experts_;
    MpiComm const* group_;
    Exchange exchange_;
    Overlap overlap_;
};

}  // namespace isogloss

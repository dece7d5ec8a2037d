// moe/exchange.h - rows to their experts and back, along a dispatch plan.
#pragma once

#include <cstdint>

#include "comm/mpi_comm.h"
#include "device/arena.h"
#include "device/view.h"
#include "moe/dispatch_plan.h"

namespace isogloss {

/// What travelled so far.
struct ExchangeTally {
    std::int64_t bytes = 0;  ///< sent to other ranks
    double seconds = 0.0;    ///< inside the exchanges, waiting for other ranks included
};

/// N tokens here, R rows received, M pairs (row, expert) computed here, K choices, D width. Every
/// function is collective over the group, also for ranks with no tokens and no experts; where
/// nothing travels (plan.travels is false) none of them calls MPI.
class Exchange {
public:
    /// `group` must outlive this.
    explicit Exchange(MpiComm const& group) : group_(&group) {}

    /// The rows of all ranks whose experts live here: [R, D], source rank by source rank, tokens
    /// ascending. Taken from `arena`; x itself where nothing travels.
    template <class T>
    View<T const, 2> dispatch(
        View<T const, 2> x, DispatchPlan const& plan, Arena& arena, Stream stream
    );

    /// y[n] = sum over ranks p, ascending, of (sum over the pairs m of token n on p, k ascending,
    /// of weight[m] computed[m]). The inner sums are made at p, in float, and travel as T.
    ///
    /// It is the backward pass of dispatch when `computed` holds the pairs' gradients and the
    /// weights are 1.
    /// @param computed  [M, D]
    /// @param weight    [M], or a view whose data is null: all 1
    /// @param y         [N, D] out
    template <class T>
    void combine(
        View<T const, 2> computed,
        View<float const, 1> weight,
        DispatchPlan const& plan,
        Arena& arena,
        View<T, 2> y,
        Stream stream
    );

    /// choices[n, k] = pairs[m] of the pair m that token n's k-th choice became, wherever it was
    /// computed: brings the gradients of gates home.       pairs [M], choices [N, K] out
    void return_to_choices(
        View<float const, 1> pairs,
        DispatchPlan const& plan,
        Arena& arena,
        View<float, 2> choices,
        Stream stream
    );

    [[nodiscard]] ExchangeTally const& tally() const { return tally_; }

private:
    template <class T>
    void send_out(
        View<T const, 2> rows, DispatchPlan const& plan, View<T, 2> received, Stream stream
    );
    template <class T>
    void send_back(
        View<T const, 2> rows, DispatchPlan const& plan, View<T, 2> returned, Stream stream
    );

    MpiComm const* group_;
    ExchangeTally tally_;
};

}  // namespace isogloss

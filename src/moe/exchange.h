// moe/exchange.h - rows to their experts and back, along a dispatch plan.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/math.h"
#include "comm/mpi_comm.h"
#include "device/arena.h"
#include "device/view.h"
#include "moe/dispatch_plan.h"
#include "moe/travel_steps.h"

namespace isogloss {

/// What travelled so far.
struct ExchangeTally {
    std::int64_t bytes = 0;  ///< sent to other ranks
    double seconds = 0.0;    ///< inside the exchanges, waiting for other ranks included
};

/// What a pair's result is multiplied by on its way home.
enum class PairWeight : std::uint8_t { gate, one };

/// What begin_dispatch hands to arrive.
template <class T>
struct DispatchUnderWay {
    View<T const, 2> send;  ///< [S, D]
    View<T, 2> received;    ///< [R, D]; null data: nothing travels
    std::vector<Distances> steps;
};

/// What begin_combine hands to send_home and end_combine.
template <class T>
struct CombineUnderWay {
    View<T const, 2> computed;  ///< [M, D]
    PairWeight weight = PairWeight::one;
    /// [R + S, D] sums of the rows here, then those that come back; null data: nothing travels.
    View<T, 2> sums;
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

    /// The same in steps, as travel_steps makes them: the rows of step s are in `received` once
    /// arrive(s) was called, for s = 0, 1, ... On a GPU the next step's travel while the stream
    /// goes on.
    /// @param received  [R, D]; of any shape, with null data, where nothing travels
    /// @return          views of `arena`, to be left alone until the last step arrived
    template <class T>
    DispatchUnderWay<T> begin_dispatch(
        View<T const, 2> x,
        DispatchPlan const& plan,
        std::vector<Distances> steps,
        View<T, 2> received,
        Arena& arena,
        Stream stream
    );
    template <class T>
    void arrive(
        DispatchUnderWay<T> const& under_way,
        DispatchPlan const& plan,
        std::size_t step,
        Stream stream
    );

    /// y[n] = sum over ranks p, ascending, of (sum over the pairs m of token n on p, k ascending,
    /// of w[m] computed[m]). The inner sums are made at p, in float, and travel as T.
    ///
    /// With PairWeight::gate it is the layer's output; with one, of the pairs' gradients, it is the
    /// backward pass of dispatch.
    /// @param computed  [M, D]
    /// @param y         [N, D] out
    template <class T>
    void combine(
        View<T const, 2> computed,
        PairWeight weight,
        DispatchPlan const& plan,
        Arena& arena,
        View<T, 2> y,
        Stream stream
    );

    /// The same in parts: send_home for the rows that came from each of some distances, when their
    /// pairs are computed; on a GPU they travel beside what the stream does in between.
    /// @return  views of `arena` and `computed`, to be left alone until end_combine
    template <class T>
    CombineUnderWay<T> begin_combine(
        View<T const, 2> computed, PairWeight weight, DispatchPlan const& plan, Arena& arena
    );
    template <class T>
    void send_home(
        CombineUnderWay<T> const& under_way,
        DispatchPlan const& plan,
        Distances distances,
        Stream stream
    );
    template <class T>
    void end_combine(
        CombineUnderWay<T> const& under_way, DispatchPlan const& plan, View<T, 2> y, Stream stream
    );

    /// choices[n, k] = pairs[m] of the pair m that token n's k-th choice became, wherever it was
    /// computed, 0 where it is absent: brings the gradients of gates home. In two parts, as above.
    ///                                                     pairs [M], choices [N, K] out
    /// @return  what comes back, a view of `arena`, or `pairs` where nothing travels
    View<float const, 2> begin_return(
        View<float const, 1> pairs, DispatchPlan const& plan, Arena& arena, Stream stream
    );
    void end_return(
        View<float const, 2> under_way,
        DispatchPlan const& plan,
        View<float, 2> choices,
        Stream stream
    );

    [[nodiscard]] ExchangeTally const& tally() const { return tally_; }

private:
    /// This rank's own part of [P+1] ranges.
    [[nodiscard]] Range own_range(std::span<std::int64_t const> begin) const;

    /// Lets the rows of a step go, if there is such a step.
    template <class T>
    void exchange_step(
        DispatchUnderWay<T> const& under_way, DispatchPlan const& plan, std::size_t step
    );
    /// Rows travel in the exchange queue, after what was put there before.
    template <class T>
    void exchange(
        View<T const, 2> send,
        std::span<std::int64_t const> send_begin,
        View<T, 2> receive,
        std::span<std::int64_t const> receive_begin,
        Distances distances
    );

    MpiComm const* group_;
    ExchangeTally tally_;
};

}  // namespace isogloss

// moe/exchange.h - rows to their experts and back, along a dispatch plan.
#pragma once

#include <cstdint>
#include <span>

#include "base/math.h"
#include "comm/mpi_comm.h"
#include "comm/own_rows.h"
#include "device/arena.h"
#include "device/view.h"
#include "moe/dispatch_plan.h"

namespace isogloss {

/// What travelled so far.
struct ExchangeTally {
    std::int64_t bytes = 0;  ///< sent to other ranks
    double seconds = 0.0;    ///< inside the exchanges, waiting for other ranks included
};

/// What a pair's result is multiplied by on its way home.
enum class PairWeight : std::uint8_t { gate, one };

/// What begin_combine hands to end_combine.
template <class T>
struct CombineUnderWay {
    View<T const, 2> rows;  ///< sums of this rank's own rows, then those that come back
    PairWeight weight = PairWeight::one;
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

    /// The same in two parts. The rows travel, on a GPU beside what the stream does in between.
    /// @return  views of `arena` and `computed`, to be left alone until end_combine
    template <class T>
    CombineUnderWay<T> begin_combine(
        View<T const, 2> computed,
        PairWeight weight,
        DispatchPlan const& plan,
        Arena& arena,
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

    /// Rows travel in the exchange queue, when the work that is in `stream` now is done.
    template <class T>
    void begin_exchange(
        View<T const, 2> send,
        std::span<std::int64_t const> send_begin,
        View<T, 2> receive,
        std::span<std::int64_t const> receive_begin,
        OwnRows own_rows,
        Stream stream
    );

    MpiComm const* group_;
    ExchangeTally tally_;
};

}  // namespace isogloss

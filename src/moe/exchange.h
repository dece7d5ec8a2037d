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

    /// choices[n, k] = pairs[m] of the pair m that token n's k-th choice became, wherever it was
    /// computed, 0 where it is absent: brings the gradients of gates home.
    ///                                                     pairs [M], choices [N, K] out
    void return_to_choices(
        View<float const, 1> pairs,
        DispatchPlan const& plan,
        Arena& arena,
        View<float, 2> choices,
        Stream stream
    );

    [[nodiscard]] ExchangeTally const& tally() const { return tally_; }

private:
    /// This rank's own part of [P+1] ranges.
    [[nodiscard]] Range own_range(std::span<std::int64_t const> begin) const;

    template <class T>
    void exchange_rows(
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

// cli/dispatch_rounds.h - rounds of one layer's exchanges, timed; for bench dispatch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/rank_device.h"
#include "comm/world.h"
#include "device/view.h"

namespace isogloss {

struct DispatchBench {
    RankDevice device;
    std::int64_t width = 512;    ///< D, elements of a row
    std::int64_t tokens = 4096;  ///< N, of each rank
    std::int32_t experts = 8;    ///< E
    std::int32_t top_k = 2;      ///< K
    double skew = 0.0;           ///< expert e is chosen in proportion to 1 / (e + 1)^skew
    DType dtype = DType::f32;
    std::int64_t rounds = 50;  ///< that count
    std::int64_t warmups = 5;  ///< before them
    std::uint64_t seed = 1;
    bool json = false;

    [[nodiscard]] std::vector<std::string> problems() const;
};

/// Seconds of each round on the slowest rank, and what this rank sent in one.
struct Measured {
    std::vector<double> seconds;
    std::int64_t bytes = 0;

    /// The least value that a share q in [0, 1] of the rounds does not exceed.
    [[nodiscard]] double quantile(double q) const;
};

struct Measurements {
    Measured plan, dispatch, dispatch_exchange, combine, combine_exchange;
    /// An MPI_Alltoallv, or NCCL's sends and receives, of the same bytes; no rounds if nothing
    /// travels. On a GPU the exchanges are not told apart from what is around them.
    Measured plain;
    double rows_saved = 0.0;  ///< share of the travelling choices that de-duplication kept at home
};

/// Plans, dispatches, combines and checks what comes home: gates sum to 1 and every expert returns
/// what it got, so the output is the input. Collective over all ranks.
Measurements measure_dispatch(DispatchBench const& config, World const& world);

}  // namespace isogloss

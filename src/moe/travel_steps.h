// moe/travel_steps.h - a dispatch cut into steps, so that some rows are computed while others
// travel.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/math.h"
#include "comm/distances.h"
#include "comm/mpi_comm.h"
#include "device/view.h"
#include "moe/dispatch_plan.h"

namespace isogloss {

/// Whether a layer's rows are computed in steps.
enum class Overlap : std::uint8_t {
    where_it_pays,  ///< on a GPU, where each step's products are large enough to be fast
    always,         ///< for tests
};

/// Ranks whose rows are computed together, step by step: this rank's own first, since they need not
/// travel. One step for all where there is nothing to gain. The same on every rank.
std::vector<Distances> travel_steps(
    DispatchPlan const& plan, int num_experts, MpiComm const& group, Device device, Overlap overlap
);

/// Pairs of one local expert that follow each other.
struct ExpertPairs {
    std::size_t expert = 0;
    Range pairs;
};

/// Pairs that are computed together, by expert; or all there are.
struct PairSelection {
    bool is_all = true;
    std::vector<ExpertPairs> parts;  ///< unless it is all; none of them empty
};

/// The pairs of the rows that come from ranks at these distances.
PairSelection pairs_from(DispatchPlan const& plan, Distances distances, MpiComm const& group);

/// Those rows, the rank's own left out: stretches that follow each other, none of them empty.
std::vector<Range> rows_from_others(
    DispatchPlan const& plan, Distances distances, MpiComm const& group
);

}  // namespace isogloss

// cli/step_load.h - how evenly the router of a step spread its tokens.
#pragma once

#include "comm/mpi_comm.h"
#include "model/pass.h"
#include "moe/placement.h"

namespace isogloss {

/// The busiest against the mean, averaged over the layers with a router; 1 where there is none.
struct StepLoad {
    double expert = 1.0;  ///< choices of the layer's busiest expert
    double rank = 1.0;  ///< choices that the layer's busiest rank computes: all others wait for it
};

/// @param pass  of this rank's tokens. Collective over `world`.
StepLoad load_of(PassResult const& pass, Placement const& placement, MpiComm const& world);

}  // namespace isogloss

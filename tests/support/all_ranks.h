// support/all_ranks.h - the group of all ranks that a test has.
#pragma once

#include <mpi.h>

#include "comm/mpi_comm.h"

namespace isogloss::test {

inline MpiComm all_ranks() {
    return MpiComm::split(MPI_COMM_WORLD, 0, 0);
}

}  // namespace isogloss::test

// comm/mpi_abort.cpp
#include "comm/mpi_abort.h"

#include <mpi.h>

namespace isogloss {
namespace {

bool is_running() noexcept {
    int started = 0;
    int ended = 0;
    return MPI_Initialized(&started) == MPI_SUCCESS && MPI_Finalized(&ended) == MPI_SUCCESS &&
           started != 0 && ended == 0;
}

}  // namespace

void abort_all_ranks(Exit code) noexcept {
    if (is_running()) {
        MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
    }
}

void end_mpi_after_shared_failure() noexcept {
    if (is_running()) {
        MPI_Finalize();
    }
}

int ranks_for_messages() noexcept {
    int ranks = 1;
    if (!is_running() || MPI_Comm_size(MPI_COMM_WORLD, &ranks) != MPI_SUCCESS) {
        return 1;
    }
    return ranks;
}

int rank_for_messages() noexcept {
    int rank = 0;
    if (!is_running() || MPI_Comm_rank(MPI_COMM_WORLD, &rank) != MPI_SUCCESS) {
        return 0;
    }
    return rank;
}

}  // namespace isogloss

// comm/mpi_abort.h - ends all ranks of the job from one of them.
#pragma once

#include "base/error.h"

namespace isogloss {

/// Ends every rank of the job with `code`, also those that wait in a collective. Returns, having
/// done nothing, where MPI does not run (not started, or ended already).
void abort_all_ranks(Exit code) noexcept;

/// Ends MPI in good order after a failure that every rank shares; collective over all ranks. Does
/// nothing where MPI does not run.
void end_mpi_after_shared_failure() noexcept;

/// Ranks of the job; 1 where MPI does not run. For messages only.
int ranks_for_messages() noexcept;

/// This process's number among all ranks; 0 where MPI does not run. For messages only.
int rank_for_messages() noexcept;

}  // namespace isogloss

// comm/world.h - the life of MPI in this process, and the group of all ranks.
#pragma once

#include "comm/mpi_comm.h"

namespace isogloss {

/// Starts MPI (MPI_THREAD_SERIALIZED) and sets MPI_ERRORS_RETURN before any other call; ends MPI
/// when destroyed, unless an exception unwinds. Made once, in run_main, and passed down.
class World {
public:
    /// @throws Error  (environment) when MPI cannot start, or when Slurm started several tasks
    /// (SLURM_NTASKS) of which each sees itself alone
    World(int& argc, char**& argv);
    ~World();
    World(World const&) = delete;
    World& operator=(World const&) = delete;

    [[nodiscard]] MpiComm const& comm() const noexcept { return comm_; }
    /// Ranks of this job on the node that has most of them: the same number on every rank. The
    /// ranks of a node follow one another in comm().
    [[nodiscard]] int ranks_per_node() const noexcept { return ranks_per_node_; }
    /// This rank's place among those of its node.
    [[nodiscard]] int rank_on_node() const noexcept { return rank_on_node_; }

private:
    MpiComm comm_;
    int ranks_per_node_ = 1;
    int rank_on_node_ = 0;
};

}  // namespace isogloss

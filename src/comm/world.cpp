// comm/world.cpp
#include "comm/world.h"

#include <cstdlib>
#include <exception>

#include "base/require.h"
#include "comm/activity.h"
#include "comm/collective.h"
#include "comm/mpi_check.h"

namespace isogloss {
namespace {

// A job step whose tasks found no common MPI runs N times alone. A serial command inside a batch
// script is no such step: Slurm numbers only what srun starts.
int tasks_of_slurm_step() {
    char const* const tasks = std::getenv("SLURM_NTASKS");
    bool const is_batch_script =
        std::getenv("SLURM_JOB_ID") != nullptr && std::getenv("SLURM_STEP_ID") == nullptr;
    return tasks == nullptr || is_batch_script ? 1 : std::atoi(tasks);
}

void start_mpi(int& argc, char**& argv) {
    int provided = 0;
    ISOGLOSS_MPI(MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &provided));
    ISOGLOSS_MPI(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
    require_environment(
        provided >= MPI_THREAD_SERIALIZED,
        "MPI gives thread level {} and MPI_THREAD_SERIALIZED = {} is needed; use an MPI that was "
        "built with threads",
        provided, MPI_THREAD_SERIALIZED
    );
}

void require_one_job() {
    int size = 0;
    ISOGLOSS_MPI(MPI_Comm_size(MPI_COMM_WORLD, &size));
    int const tasks = tasks_of_slurm_step();
    require_environment(
        size > 1 || tasks <= 1,
        "Slurm started {} tasks (SLURM_NTASKS) and MPI sees {} rank: every task would run alone; "
        "use srun --mpi=pmix, or mpirun",
        tasks, size
    );
}

// Ranks of one node side by side, also where Slurm dealt them out in turn, so that rank divided by
// ranks_per_node is the node.
MpiComm by_node(int& ranks_per_node, int& rank_on_node) {
    auto const all = MpiComm::split(MPI_COMM_WORLD, 0, 0);
    MPI_Comm made = MPI_COMM_NULL;
    ISOGLOSS_MPI(
        MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, all.rank(), MPI_INFO_NULL, &made)
    );
    UniqueHandle<MpiCommTraits> const node(made);
    int on_node = 0;
    ISOGLOSS_MPI(MPI_Comm_size(node.get(), &on_node));
    ISOGLOSS_MPI(MPI_Comm_rank(node.get(), &rank_on_node));
    int first = all.rank();
    ISOGLOSS_MPI(MPI_Bcast(&first, 1, MPI_INT, 0, node.get()));
    ranks_per_node = static_cast<int>(max_over(std::int64_t{on_node}, all));
    return MpiComm::split(MPI_COMM_WORLD, 0, first);
}

}  // namespace

World::World(int& argc, char**& argv) {
    start_mpi(argc, argv);
    require_one_job();
    comm_ = by_node(ranks_per_node_, rank_on_node_);
    note_world_size(comm_.size());
}

World::~World() {
    if (std::uncaught_exceptions() > 0) {
        return;  // MPI_Finalize waits for ranks that may never come
    }
    comm_ = MpiComm();
    MPI_Finalize();
}

}  // namespace isogloss

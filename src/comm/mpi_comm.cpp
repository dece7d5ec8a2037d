// comm/mpi_comm.cpp
#include "comm/mpi_comm.h"

#include <exception>

#include "base/require.h"
#include "comm/mpi_check.h"

namespace isogloss {
namespace {

struct MpiGroupTraits {
    using type = MPI_Group;
    static type null() noexcept { return MPI_GROUP_NULL; }
    static void release(type group) noexcept { MPI_Group_free(&group); }
};
using MpiGroup = UniqueHandle<MpiGroupTraits>;

}  // namespace

void MpiCommTraits::release(type comm) noexcept {
    // Freeing is collective: while an exception unwinds, the other ranks may never come.
    int ended = 0;
    MPI_Finalized(&ended);
    if (ended == 0 && std::uncaught_exceptions() == 0) {
        MPI_Comm_free(&comm);
    }
}

MpiComm::MpiComm(MPI_Comm owned) : handle_(owned) {
    ISOGLOSS_MPI(MPI_Comm_set_errhandler(get(), MPI_ERRORS_RETURN));
    ISOGLOSS_MPI(MPI_Comm_rank(get(), &rank_));
    ISOGLOSS_MPI(MPI_Comm_size(get(), &size_));
}

MpiComm MpiComm::split(MPI_Comm parent, int color, int key) {
    MPI_Comm made = MPI_COMM_NULL;
    ISOGLOSS_MPI(MPI_Comm_split(parent, color, key, &made));
    return MpiComm(made);
}

MpiComm MpiComm::of_ranks(MpiComm const& parent, std::span<int const> ranks, int tag) {
    MPI_Group all = MPI_GROUP_NULL;
    ISOGLOSS_MPI(MPI_Comm_group(parent.get(), &all));
    MpiGroup const owned_all(all);

    MPI_Group chosen = MPI_GROUP_NULL;
    ISOGLOSS_MPI(MPI_Group_incl(all, static_cast<int>(ranks.size()), ranks.data(), &chosen));
    MpiGroup const owned_chosen(chosen);

    MPI_Comm made = MPI_COMM_NULL;
    ISOGLOSS_MPI(MPI_Comm_create_group(parent.get(), chosen, tag, &made));
    require(made != MPI_COMM_NULL, "rank {} is not among the ranks of its group", parent.rank());
    return MpiComm(made);
}

}  // namespace isogloss

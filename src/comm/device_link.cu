// comm/device_link.cu
#include "comm/device_link.h"

#include <algorithm>
#include <array>
#include <exception>
#include <string>

#include "base/error.h"
#include "comm/collective.h"
#include "comm/mpi_check.h"
#include "comm/mpi_comm.h"
#include "comm/nccl_check.h"
#include "device/cuda_device.h"

namespace isogloss {
namespace {

// Versions of NCCL that must not be used, as ncclGetVersion counts them.
constexpr int kFirstFaulty = NCCL_VERSION(2, 28, 3);
constexpr int kLastFaulty = NCCL_VERSION(2, 28, 8);

void require_sound_nccl() {
    int version = 0;
    ISOGLOSS_NCCL(ncclGetVersion(&version));
    if (kFirstFaulty <= version && version <= kLastFaulty) {
        throw Error(
            Exit::environment, "NCCL " + std::to_string(version) +
                                   " is loaded, and 2.28.3 to 2.28.8 are known to be faulty; load "
                                   "2.28.9 or newer"
        );
    }
}

bool ranks_share_a_gpu(MpiComm const& group) {
    auto const id = cuda::device_properties().id;
    auto all = gather_all(std::string(id.begin(), id.end()), group);
    std::ranges::sort(all);
    return std::ranges::adjacent_find(all) != all.end();
}

UniqueHandle<NcclTraits> connect(MpiComm const& group) {
    require_sound_nccl();
    ncclUniqueId id{};
    std::string problem;
    if (group.rank() == 0) {
        auto const code = ncclGetUniqueId(&id);
        problem = code == ncclSuccess
                      ? ""
                      : std::string("ncclGetUniqueId: ") + ncclGetErrorString(code) +
                            "; run again with NCCL_DEBUG=WARN to see why";
    }
    fail_together(Exit::environment, problem, group);
    ISOGLOSS_MPI(MPI_Bcast(&id, sizeof(id), MPI_BYTE, 0, group.get()));
    ncclComm_t made = nullptr;
    ISOGLOSS_NCCL(ncclCommInitRank(&made, group.size(), id, group.rank()));
    return UniqueHandle<NcclTraits>(made);
}

}  // namespace

void NcclTraits::release(type communicator) noexcept {
    // Ending it in peace waits for all ranks, who may never come while an exception unwinds.
    if (std::uncaught_exceptions() == 0) {
        ncclCommDestroy(communicator);
    } else {
        ncclCommAbort(communicator);
    }
}

DeviceLink const& cuda::link_of(MpiComm const& group) {
    auto& link = group.device_link();
    if (link.path == DevicePath::unknown) {
        bool const is_shared = ranks_share_a_gpu(group);
        if (!is_shared) {
            link.nccl = connect(group);
        }
        link.path = is_shared ? DevicePath::host : DevicePath::nccl;
    }
    return link;
}

}  // namespace isogloss

// comm/device_link.h - how the ranks of a group exchange device memory.
#pragma once

#include <cstdint>

#include "base/unique_handle.h"

struct ncclComm;  // NCCL's own; nothing here looks inside

namespace isogloss {

class MpiComm;

struct NcclTraits {
    using type = ::ncclComm*;
    static type null() noexcept { return nullptr; }
    static void release(type communicator) noexcept;
};

/// Each rank has a GPU of its own and NCCL moves the bytes; where two ranks share one, which NCCL
/// refuses, they go through host memory and MPI.
enum class DevicePath : std::uint8_t { unknown, nccl, host };

/// Made by a group's first collective on device memory, kept by the group.
struct DeviceLink {
    DevicePath path = DevicePath::unknown;
    UniqueHandle<NcclTraits> nccl;
};

namespace cuda {

/// Collective over `group` the first time. The GPU must have been chosen.
/// @throws Error  (environment) when NCCL cannot connect the ranks or is of a faulty version
DeviceLink const& link_of(MpiComm const& group);

}  // namespace cuda
}  // namespace isogloss

// comm/mpi_comm.h - owns one MPI communicator: a group of ranks.
#pragma once

#include <mpi.h>

#include <span>

#include "base/unique_handle.h"
#include "comm/device_link.h"

namespace isogloss {

struct MpiCommTraits {
    using type = MPI_Comm;
    static type null() noexcept { return MPI_COMM_NULL; }
    static void release(type comm) noexcept;
};

class MpiComm {
public:
    /// No group. Only to be assigned to.
    MpiComm() noexcept = default;

    /// Collective over `parent`: ranks with the same color form a group, ordered by key.
    static MpiComm split(MPI_Comm parent, int color, int key);
    /// Collective over the listed ranks of `parent` only, in the order listed. `tag` tells apart
    /// groups that are made at the same time.
    static MpiComm of_ranks(MpiComm const& parent, std::span<int const> ranks, int tag);

    [[nodiscard]] MPI_Comm get() const noexcept { return handle_.get(); }
    [[nodiscard]] int rank() const noexcept { return rank_; }
    [[nodiscard]] int size() const noexcept { return size_; }
    /// For collectives on device memory alone, the first of which makes it.
    [[nodiscard]] DeviceLink& device_link() const noexcept { return device_link_; }

private:
    explicit MpiComm(MPI_Comm owned);

    UniqueHandle<MpiCommTraits> handle_;
    int rank_ = 0;
    int size_ = 0;
    mutable DeviceLink device_link_;
};

}  // namespace isogloss

// comm/collective_backends.h - collectives of one device each; call those of comm/collective.h.
#pragma once

#include <cstdint>
#include <span>

#include "comm/distances.h"
#include "comm/mpi_comm.h"
#include "comm/stretch.h"
#include "device/view.h"

namespace isogloss {

/// Host memory, by MPI: collective_mpi.cpp.
namespace mpi {
void all_reduce_sum(View<float, 1> x, MpiComm const& group);
void reduce_scatter_sum(View<float, 1> x, Stretch const& stretch, MpiComm const& group);
template <class T>
void all_gather(View<T, 1> x, Stretch const& stretch, MpiComm const& group);
template <class T>
void broadcast(View<T, 1> x, int root, MpiComm const& group);
template <class T>
void all_to_all_rows(
    View<T const, 2> send,
    std::span<std::int64_t const> send_begin,
    View<T, 2> receive,
    std::span<std::int64_t const> receive_begin,
    MpiComm const& group,
    Distances distances
);
}  // namespace mpi

/// Device memory, by NCCL; no_cuda.cpp stands in.
namespace cuda {
void all_reduce_sum(View<float, 1> x, MpiComm const& group, Stream stream);
void reduce_scatter_sum(
    View<float, 1> x, Stretch const& stretch, MpiComm const& group, Stream stream
);
template <class T>
void all_gather(View<T, 1> x, Stretch const& stretch, MpiComm const& group, Stream stream);
template <class T>
void broadcast(View<T, 1> x, int root, MpiComm const& group, Stream stream);
template <class T>
void all_to_all_rows(
    View<T const, 2> send,
    std::span<std::int64_t const> send_begin,
    View<T, 2> receive,
    std::span<std::int64_t const> receive_begin,
    MpiComm const& group,
    Stream stream,
    Distances distances
);
}  // namespace cuda

}  // namespace isogloss

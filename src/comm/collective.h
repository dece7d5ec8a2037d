// comm/collective.h - what ranks do together, on views. Every function is collective over `group`.
//
// Host memory goes by MPI, device memory by NCCL in the stream's queue: the host then goes on at
// once. NCCL adds in an order of its own, the same from run to run on the same GPUs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "comm/distances.h"
#include "comm/mpi_comm.h"
#include "comm/stretch.h"
#include "device/view.h"

namespace isogloss {

/// x[i] = sum over ranks of x[i], in rank order (NCCL: in its own): same bits on every rank and
/// from run to run.
void all_reduce_sum(View<float, 1> x, MpiComm const& group, Stream stream);

/// Rank r keeps, in place, the sum over ranks of elements even_part(x.size(), ranks, r) of x, added
/// in rank order; the rest of x is left as it is. Float only: a sum of bf16 as integers is a silent
/// fault, so there is no such overload.
void reduce_scatter_sum(View<float, 1> x, MpiComm const& group, Stream stream);

/// The same for a stretch of a longer run, whose parts then have the sums that one call for the
/// whole run would give them (NCCL: with another rounding): x [stretch.size]; rank r keeps those of
/// stretch.of_rank(ranks, r).
void reduce_scatter_sum(
    View<float, 1> x, Stretch const& stretch, MpiComm const& group, Stream stream
);

/// The reverse: every rank gives elements even_part(x.size(), ranks, rank) and receives the others.
template <class T>
void all_gather(View<T, 1> x, MpiComm const& group, Stream stream);

/// The same for a stretch of a longer run, of which every rank gives those of
/// stretch.of_rank(ranks, rank): x [stretch.size].
template <class T>
void all_gather(View<T, 1> x, Stretch const& stretch, MpiComm const& group, Stream stream);

template <class T>
void broadcast(View<T, 1> x, int root, MpiComm const& group, Stream stream);

/// Sends rows [send_begin[p], send_begin[p+1]) of `send` to rank p, and fills `receive` with the
/// rows of rank 0, 1, ... in turn: rows [receive_begin[p], receive_begin[p+1]) are rank p's. The
/// rank's own rows are copied without MPI or NCCL. Counts are rows, so they fit MPI's int.
///
/// Only between ranks at the given distances, the same on every rank; the places of the other
/// ranks' rows in `receive` are left alone.
///
/// @param send           [S, D];  send_begin [P+1] on the host
/// @param receive        [R, D] out;  receive_begin [P+1] on the host
template <class T>
void all_to_all_rows(
    View<T const, 2> send,
    std::span<std::int64_t const> send_begin,
    View<T, 2> receive,
    std::span<std::int64_t const> receive_begin,
    MpiComm const& group,
    Stream stream,
    Distances distances = {}
);

// Host scalars and small lists.
double sum_over(double x, MpiComm const& group);
std::int64_t sum_over(std::int64_t x, MpiComm const& group);
std::int64_t max_over(std::int64_t x, MpiComm const& group);
double max_over(double x, MpiComm const& group);
/// Is x true on some rank? The same answer on all.
bool any_of(bool x, MpiComm const& group);
/// x[i] = sum over ranks.
void sum_over(std::span<double> x, MpiComm const& group);
void sum_over(std::span<std::int64_t> x, MpiComm const& group);
/// [P n]: entries [p n, (p+1) n) of the answer are what rank p gave for this rank, of its own x
/// [P n].
std::vector<std::int64_t> all_to_all(std::span<std::int64_t const> x, MpiComm const& group);
/// [P * x.size()]: every rank's list, in rank order. All lists have the same length.
std::vector<std::int64_t> gather_all(std::span<std::int64_t const> x, MpiComm const& group);
/// Every rank's text, in rank order.
std::vector<std::string> gather_all(std::string const& x, MpiComm const& group);
void broadcast(std::string& x, int root, MpiComm const& group);
void barrier(MpiComm const& group);
/// Every rank gives the same bytes? Finds rank-dependent configs before they hang a job.
bool is_same_on_all_ranks(std::string const& x, MpiComm const& group);

/// Rank-wise failure made common: when any rank passes a text that is not empty, every rank throws
/// Error(code, first such text in rank order); otherwise returns on all.
void fail_together(Exit code, std::string const& problem, MpiComm const& group);

}  // namespace isogloss

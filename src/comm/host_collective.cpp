// comm/host_collective.cpp - the part of comm/collective.h that is about host scalars and lists.
#include <mpi.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/require.h"
#include "comm/activity.h"
#include "comm/collective.h"
#include "comm/mpi_check.h"

namespace isogloss {
namespace {

int checked_length(std::size_t length) {
    require(
        length <= static_cast<std::size_t>(std::numeric_limits<int>::max()),
        "a list of {} entries is more than MPI can count", length
    );
    return static_cast<int>(length);
}

// [P * x.size()]: MPI's own sums may differ in order from size to size; a gathered list does not.
template <class T>
std::vector<T> gather_lists(std::span<T const> x, MPI_Datatype type, MpiComm const& group) {
    Waiting const waiting("gather", group);
    std::vector<T> all(x.size() * static_cast<std::size_t>(group.size()));
    auto const count = checked_length(x.size());
    ISOGLOSS_MPI(MPI_Allgather(x.data(), count, type, all.data(), count, type, group.get()));
    return all;
}

}  // namespace

double sum_over(double x, MpiComm const& group) {
    sum_over(std::span<double>(&x, 1), group);
    return x;
}

std::int64_t sum_over(std::int64_t x, MpiComm const& group) {
    sum_over(std::span<std::int64_t>(&x, 1), group);
    return x;
}

std::int64_t max_over(std::int64_t x, MpiComm const& group) {
    Waiting const waiting("all-reduce", group);
    ISOGLOSS_MPI(MPI_Allreduce(MPI_IN_PLACE, &x, 1, MPI_INT64_T, MPI_MAX, group.get()));
    return x;
}

double max_over(double x, MpiComm const& group) {
    Waiting const waiting("all-reduce", group);
    ISOGLOSS_MPI(MPI_Allreduce(MPI_IN_PLACE, &x, 1, MPI_DOUBLE, MPI_MAX, group.get()));
    return x;
}

bool any_of(bool x, MpiComm const& group) {
    return max_over(std::int64_t{x}, group) != 0;
}

void sum_over(std::span<double> x, MpiComm const& group) {
    auto const all = gather_lists<double>(x, MPI_DOUBLE, group);
    std::ranges::fill(x, 0.0);
    for (std::size_t i = 0; i < all.size(); ++i) {
        x[i % x.size()] += all[i];
    }
}

void sum_over(std::span<std::int64_t> x, MpiComm const& group) {
    Waiting const waiting("all-reduce", group);
    ISOGLOSS_MPI(MPI_Allreduce(
        MPI_IN_PLACE, x.data(), checked_length(x.size()), MPI_INT64_T, MPI_SUM, group.get()
    ));
}

std::vector<std::int64_t> all_to_all(std::span<std::int64_t const> x, MpiComm const& group) {
    auto const ranks = static_cast<std::size_t>(group.size());
    require(
        x.size() % ranks == 0, "all_to_all: {} entries cannot be shared out over {} ranks",
        x.size(), ranks
    );
    std::vector<std::int64_t> received(x.size());
    auto const count = checked_length(x.size() / ranks);
    Waiting const waiting("all-to-all of counts", group);
    ISOGLOSS_MPI(
        MPI_Alltoall(x.data(), count, MPI_INT64_T, received.data(), count, MPI_INT64_T, group.get())
    );
    return received;
}

std::vector<std::int64_t> gather_all(std::span<std::int64_t const> x, MpiComm const& group) {
    return gather_lists(x, MPI_INT64_T, group);
}

std::vector<std::string> gather_all(std::string const& x, MpiComm const& group) {
    auto const own_length = static_cast<std::int64_t>(checked_length(x.size()));
    auto const lengths = gather_all(std::span(&own_length, 1), group);
    std::vector<int> counts(lengths.begin(), lengths.end());
    std::vector<int> places(counts.size());
    checked_length(
        static_cast<std::size_t>(std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0}))
    );
    std::exclusive_scan(counts.begin(), counts.end(), places.begin(), 0);
    std::string joined(static_cast<std::size_t>(places.back() + counts.back()), '\0');
    Waiting const waiting("gather of texts", group);
    ISOGLOSS_MPI(MPI_Allgatherv(
        x.data(), static_cast<int>(own_length), MPI_BYTE, joined.data(), counts.data(),
        places.data(), MPI_BYTE, group.get()
    ));
    std::vector<std::string> texts;
    for (std::size_t p = 0; p < counts.size(); ++p) {
        texts.push_back(
            joined.substr(static_cast<std::size_t>(places[p]), static_cast<std::size_t>(counts[p]))
        );
    }
    return texts;
}

void broadcast(std::string& x, int root, MpiComm const& group) {
    Waiting const waiting("broadcast", group);
    auto length = static_cast<std::int64_t>(checked_length(x.size()));
    ISOGLOSS_MPI(MPI_Bcast(&length, 1, MPI_INT64_T, root, group.get()));
    x.resize(static_cast<std::size_t>(length));
    ISOGLOSS_MPI(MPI_Bcast(x.data(), static_cast<int>(length), MPI_BYTE, root, group.get()));
}

void barrier(MpiComm const& group) {
    Waiting const waiting("barrier", group);
    ISOGLOSS_MPI(MPI_Barrier(group.get()));
}

bool is_same_on_all_ranks(std::string const& x, MpiComm const& group) {
    std::string first = x;
    broadcast(first, 0, group);
    return !any_of(first != x, group);
}

void fail_together(Exit code, std::string const& problem, MpiComm const& group) {
    if (!any_of(!problem.empty(), group)) {
        return;
    }
    auto const texts = gather_all(problem, group);
    auto const first = std::ranges::find_if(texts, [](auto const& text) { return !text.empty(); });
    throw Error(code, *first);
}

}  // namespace isogloss

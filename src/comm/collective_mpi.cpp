// comm/collective_mpi.cpp
#include <mpi.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <vector>

#include "base/math.h"
#include "base/require.h"
#include "base/unique_handle.h"
#include "comm/collective_backends.h"
#include "comm/mpi_check.h"

namespace isogloss::mpi {
namespace {

// Bounds the scratch memory of a sum and keeps every count far below int's limit.
constexpr std::int64_t kChunkElements = std::int64_t{4} << 20;
// Up to here a sum is a matter of latency: everybody sends everything and adds it up himself.
constexpr std::int64_t kSmallElements = std::int64_t{16} << 10;
// Elements added up at a time, in the first cache.
constexpr std::int64_t kBlockElements = 1024;

struct MpiTypeTraits {
    using type = MPI_Datatype;
    static type null() noexcept { return MPI_DATATYPE_NULL; }
    static void release(type datatype) noexcept { MPI_Type_free(&datatype); }
};
using MpiType = UniqueHandle<MpiTypeTraits>;

// `bytes` bytes that travel as one unit, so that counts are rows.
MpiType row_type(std::int64_t bytes) {
    require(
        bytes <= std::numeric_limits<int>::max(), "a row of {} bytes is more than MPI can count",
        bytes
    );
    MPI_Datatype made = MPI_DATATYPE_NULL;
    ISOGLOSS_MPI(MPI_Type_contiguous(static_cast<int>(bytes), MPI_BYTE, &made));
    MpiType owned(made);
    ISOGLOSS_MPI(MPI_Type_commit(&made));
    return owned;
}

int checked_count(std::int64_t count) {
    require(
        count >= 0 && count <= std::numeric_limits<int>::max(),
        "{} rows in one exchange is more than MPI can count (2147483647); use smaller "
        "micro-batches",
        count
    );
    return static_cast<int>(count);
}

// Elements [round * chunk, (round + 1) * chunk) of `part`.
Range chunk_of(Range part, std::int64_t round, std::int64_t chunk) {
    auto const begin = std::min(part.end, part.begin + round * chunk);
    return {begin, std::min(part.end, begin + chunk)};
}

std::vector<Range> parts_of(Stretch const& stretch, MpiComm const& group) {
    std::vector<Range> parts;
    for (int p = 0; p < group.size(); ++p) {
        parts.push_back(stretch.of_rank(group.size(), p));
    }
    return parts;
}

std::int64_t longest_of(std::span<Range const> parts) {
    std::int64_t longest = 0;
    for (auto const& part : parts) {
        longest = std::max(longest, part.size());
    }
    return longest;
}

// own[i] = term[0][i] + term[1][i] + ..., in this order; `own` may be one of the terms.
void sum_in_order(std::span<float const* const> terms, float* own, std::int64_t size) {
    std::array<float, kBlockElements> sum;
    for (std::int64_t begin = 0; begin < size; begin += kBlockElements) {
        auto const length = std::min(kBlockElements, size - begin);
        std::copy_n(terms[0] + begin, length, sum.begin());
        for (auto const* const term : terms.subspan(1)) {
            for (std::int64_t i = 0; i < length; ++i) {
                sum[index(i)] += term[begin + i];
            }
        }
        std::copy_n(sum.begin(), length, own + begin);
    }
}

// One round: every rank sends each other rank the chunk of that rank's part and adds up its own.
void reduce_scatter_round(
    View<float, 1> x,
    std::span<Range const> parts,
    MpiComm const& group,
    std::int64_t round,
    std::int64_t chunk,
    std::vector<float>& scratch
) {
    auto const ranks = index(group.size());
    auto const own = chunk_of(parts[index(group.rank())], round, chunk);
    std::vector<float const*> terms(ranks);
    std::vector<MPI_Request> requests;
    for (int p = 0; p < group.size(); ++p) {
        auto const theirs = chunk_of(parts[index(p)], round, chunk);
        terms[index(p)] = p == group.rank() ? x.data + own.begin : scratch.data() + p * chunk;
        if (p == group.rank()) {
            continue;
        }
        requests.emplace_back();
        ISOGLOSS_MPI(MPI_Irecv(
            scratch.data() + p * chunk, checked_count(own.size()), MPI_FLOAT, p, 0, group.get(),
            &requests.back()
        ));
        requests.emplace_back();
        ISOGLOSS_MPI(MPI_Isend(
            x.data + theirs.begin, checked_count(theirs.size()), MPI_FLOAT, p, 0, group.get(),
            &requests.back()
        ));
    }
    ISOGLOSS_MPI(
        MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE)
    );
    sum_in_order(terms, x.data + own.begin, own.size());
}

void small_all_reduce_sum(View<float, 1> x, MpiComm const& group) {
    std::vector<float> all(index(x.size() * group.size()));
    auto const count = checked_count(x.size());
    ISOGLOSS_MPI(MPI_Allgather(x.data, count, MPI_FLOAT, all.data(), count, MPI_FLOAT, group.get())
    );
    std::vector<float const*> terms;
    for (std::int64_t p = 0; p < group.size(); ++p) {
        terms.push_back(all.data() + p * x.size());
    }
    sum_in_order(terms, x.data, x.size());
}

}  // namespace

void all_reduce_sum(View<float, 1> x, MpiComm const& group) {
    if (group.size() == 1 || x.size() == 0) {
        return;
    }
    if (x.size() <= kSmallElements) {
        return small_all_reduce_sum(x, group);
    }
    Stretch const whole{0, x.size(), x.size()};
    reduce_scatter_sum(x, whole, group);
    all_gather(x, whole, group);
}

void reduce_scatter_sum(View<float, 1> x, Stretch const& stretch, MpiComm const& group) {
    if (group.size() == 1) {
        return;
    }
    auto const parts = parts_of(stretch, group);
    auto const longest = longest_of(parts);
    auto const chunk = std::min(longest, std::max<std::int64_t>(1, kChunkElements / group.size()));
    std::vector<float> scratch(index(chunk * group.size()));
    for (std::int64_t round = 0; round * chunk < longest; ++round) {
        reduce_scatter_round(x, parts, group, round, chunk, scratch);
    }
}

// A ring: in step s every rank hands on the part that it got in step s - 1, so all links are busy
// and nothing is copied twice.
template <class T>
void all_gather(View<T, 1> x, Stretch const& stretch, MpiComm const& group) {
    int const ranks = group.size();
    int const next = (group.rank() + 1) % ranks;
    int const previous = (group.rank() + ranks - 1) % ranks;
    auto const parts = parts_of(stretch, group);
    auto const longest = longest_of(parts);
    auto const bytes = static_cast<std::int64_t>(sizeof(T));
    for (int step = 0; step + 1 < ranks; ++step) {
        int const sent = (group.rank() + ranks - step) % ranks;
        int const received = (previous + ranks - step) % ranks;
        for (std::int64_t round = 0; round * kChunkElements < longest; ++round) {
            auto const from = chunk_of(parts[index(sent)], round, kChunkElements);
            auto const to = chunk_of(parts[index(received)], round, kChunkElements);
            ISOGLOSS_MPI(MPI_Sendrecv(
                x.data + from.begin, checked_count(from.size() * bytes), MPI_BYTE, next, 0,
                x.data + to.begin, checked_count(to.size() * bytes), MPI_BYTE, previous, 0,
                group.get(), MPI_STATUS_IGNORE
            ));
        }
    }
}

template <class T>
void broadcast(View<T, 1> x, int root, MpiComm const& group) {
    if (group.size() == 1) {
        return;
    }
    auto const bytes = static_cast<std::int64_t>(sizeof(T));
    for (std::int64_t begin = 0; begin < x.size(); begin += kChunkElements) {
        auto const length = std::min(kChunkElements, x.size() - begin);
        ISOGLOSS_MPI(
            MPI_Bcast(x.data + begin, checked_count(length * bytes), MPI_BYTE, root, group.get())
        );
    }
}

template <class T>
void all_to_all_rows(
    View<T const, 2> send,
    std::span<std::int64_t const> send_begin,
    View<T, 2> receive,
    std::span<std::int64_t const> receive_begin,
    MpiComm const& group,
    Distances distances
) {
    auto const width = send.shape[1];
    auto const own = index(group.rank());
    auto const own_count = send_begin[own + 1] - send_begin[own];
    require(
        own_count == receive_begin[own + 1] - receive_begin[own],
        "all_to_all_rows: rank {} sends itself {} rows and expects {}", group.rank(), own_count,
        receive_begin[own + 1] - receive_begin[own]
    );
    if (distances.has_itself()) {
        std::copy_n(
            send.data + send_begin[own] * width, own_count * width,
            receive.data + receive_begin[own] * width
        );
    }
    if (group.size() == 1) {
        return;
    }
    auto const ranks = index(group.size());
    std::vector<int> send_count(ranks);
    std::vector<int> send_place(ranks);
    std::vector<int> receive_count(ranks);
    std::vector<int> receive_place(ranks);
    auto const others = distances.others();
    for (int rank = 0; rank < group.size(); ++rank) {
        auto const p = index(rank);
        send_place[p] = checked_count(send_begin[p]);
        receive_place[p] = checked_count(receive_begin[p]);
        if (others.sends(group.rank(), rank, group.size())) {
            send_count[p] = checked_count(send_begin[p + 1] - send_begin[p]);
        }
        if (others.hears(group.rank(), rank, group.size())) {
            receive_count[p] = checked_count(receive_begin[p + 1] - receive_begin[p]);
        }
    }
    auto const row = row_type(width * static_cast<std::int64_t>(sizeof(T)));
    ISOGLOSS_MPI(MPI_Alltoallv(
        send.data, send_count.data(), send_place.data(), row.get(), receive.data,
        receive_count.data(), receive_place.data(), row.get(), group.get()
    ));
}

#define ISOGLOSS_INSTANTIATE(T)                                           \
    template void all_gather(View<T, 1>, Stretch const&, MpiComm const&); \
    template void broadcast(View<T, 1>, int, MpiComm const&);             \
    template void all_to_all_rows(                                        \
        View<T const, 2>, std::span<std::int64_t const>, View<T, 2>,      \
        std::span<std::int64_t const>, MpiComm const&, Distances          \
    )
ISOGLOSS_INSTANTIATE(float);
ISOGLOSS_INSTANTIATE(bf16);
ISOGLOSS_INSTANTIATE(std::int32_t);
#undef ISOGLOSS_INSTANTIATE

}  // namespace isogloss::mpi

// comm/collective.cpp
#include "comm/collective.h"

#include "base/require.h"
#include "comm/activity.h"
#include "comm/collective_backends.h"

namespace isogloss {
namespace {

// begin is [P+1], rises from 0, and ends at the view's last row.
void require_row_ranges(
    char const* name, std::span<std::int64_t const> begin, std::int64_t rows, MpiComm const& group
) {
    auto const parts = static_cast<std::size_t>(group.size());
    require(
        begin.size() == parts + 1, "all_to_all_rows: {} has {} entries for {} ranks", name,
        begin.size(), parts
    );
    require(
        begin.front() == 0 && begin.back() == rows,
        "all_to_all_rows: {} covers rows [{}, {}) of a view of {} rows", name, begin.front(),
        begin.back(), rows
    );
    for (std::size_t p = 0; p < parts; ++p) {
        require(begin[p] <= begin[p + 1], "all_to_all_rows: {} falls at rank {}", name, p);
    }
}

void require_stretch(char const* name, std::int64_t size, Stretch const& stretch) {
    require(
        size == stretch.size && 0 <= stretch.begin && stretch.begin + stretch.size <= stretch.whole,
        "{}: {} elements as [{}, {}) of {}", name, size, stretch.begin,
        stretch.begin + stretch.size, stretch.whole
    );
}

}  // namespace

void all_reduce_sum(View<float, 1> x, MpiComm const& group, Stream stream) {
    Waiting const waiting("all-reduce of numbers", group);
    switch (x.device) {
        case Device::cpu: return mpi::all_reduce_sum(x, group);
        case Device::cuda: return cuda::all_reduce_sum(x, group, stream);
    }
}

void reduce_scatter_sum(View<float, 1> x, MpiComm const& group, Stream stream) {
    reduce_scatter_sum(x, {0, x.size(), x.size()}, group, stream);
}

void reduce_scatter_sum(
    View<float, 1> x, Stretch const& stretch, MpiComm const& group, Stream stream
) {
    require_stretch("reduce_scatter_sum", x.size(), stretch);
    Waiting const waiting("reduce-scatter", group);
    switch (x.device) {
        case Device::cpu: return mpi::reduce_scatter_sum(x, stretch, group);
        case Device::cuda: return cuda::reduce_scatter_sum(x, stretch, group, stream);
    }
}

template <class T>
void all_gather(View<T, 1> x, MpiComm const& group, Stream stream) {
    all_gather(x, {0, x.size(), x.size()}, group, stream);
}

template <class T>
void all_gather(View<T, 1> x, Stretch const& stretch, MpiComm const& group, Stream stream) {
    require_stretch("all_gather", x.size(), stretch);
    Waiting const waiting("all-gather", group);
    switch (x.device) {
        case Device::cpu: return mpi::all_gather(x, stretch, group);
        case Device::cuda: return cuda::all_gather(x, stretch, group, stream);
    }
}

template <class T>
void broadcast(View<T, 1> x, int root, MpiComm const& group, Stream stream) {
    require(root >= 0 && root < group.size(), "broadcast: root {} of {} ranks", root, group.size());
    Waiting const waiting("broadcast of numbers", group);
    switch (x.device) {
        case Device::cpu: return mpi::broadcast(x, root, group);
        case Device::cuda: return cuda::broadcast(x, root, group, stream);
    }
}

template <class T>
void all_to_all_rows(
    View<T const, 2> send,
    std::span<std::int64_t const> send_begin,
    View<T, 2> receive,
    std::span<std::int64_t const> receive_begin,
    MpiComm const& group,
    Stream stream,
    Distances distances
) {
    require(
        send.shape[1] == receive.shape[1] && send.device == receive.device,
        "all_to_all_rows: rows of {} are sent and rows of {} received, or on two devices",
        send.shape[1], receive.shape[1]
    );
    require_row_ranges("send_begin", send_begin, send.shape[0], group);
    require_row_ranges("receive_begin", receive_begin, receive.shape[0], group);
    Waiting const waiting("all-to-all of rows", group);
    switch (send.device) {
        case Device::cpu:
            return mpi::all_to_all_rows(send, send_begin, receive, receive_begin, group, distances);
        case Device::cuda:
            return cuda::all_to_all_rows(
                send, send_begin, receive, receive_begin, group, stream, distances
            );
    }
}

#define ISOGLOSS_INSTANTIATE(T)                                                   \
    template void all_gather(View<T, 1>, MpiComm const&, Stream);                 \
    template void all_gather(View<T, 1>, Stretch const&, MpiComm const&, Stream); \
    template void broadcast(View<T, 1>, int, MpiComm const&, Stream);             \
    template void all_to_all_rows(                                                \
        View<T const, 2>, std::span<std::int64_t const>, View<T, 2>,              \
        std::span<std::int64_t const>, MpiComm const&, Stream, Distances          \
    )
ISOGLOSS_INSTANTIATE(float);
ISOGLOSS_INSTANTIATE(bf16);
ISOGLOSS_INSTANTIATE(std::int32_t);
#undef ISOGLOSS_INSTANTIATE

}  // namespace isogloss

// comm/collective_cuda.cu
#include <nccl.h>

#include <vector>

#include "base/math.h"
#include "comm/collective_backends.h"
#include "comm/nccl_check.h"
#include "device/buffer.h"
#include "device/cuda_memory.h"
#include "device/cuda_queue.h"

namespace isogloss::cuda {
namespace {

template <class T>
constexpr ncclDataType_t nccl_type() {
    constexpr auto type = dtype_of<T>();
    return type == DType::f32 ? ncclFloat32 : type == DType::bf16 ? ncclBfloat16 : ncclInt32;
}

std::size_t count_of(std::int64_t count) {
    return static_cast<std::size_t>(count);
}

// One collective of NCCL: its communicator and its place in a queue.
class Call {
public:
    Call(MpiComm const& group, Stream stream)
        : nccl(link_of(group).nccl.get()), queue(queue_of(stream).get()) {}

    // Calls `each(p)` for every rank; what it puts in the queue is one operation.
    template <class Each>
    void together(MpiComm const& group, Each const& each) const {
        ISOGLOSS_NCCL(ncclGroupStart());
        for (int p = 0; p < group.size(); ++p) {
            each(p);
        }
        ISOGLOSS_NCCL(ncclGroupEnd());
        detail::check_nccl_state(nccl);
    }

    ncclComm_t nccl;
    cudaStream_t queue;
};

bool goes_through_host(MpiComm const& group) {
    return link_of(group).path == DevicePath::host;
}

bool parts_are_equal(std::int64_t size, MpiComm const& group) {
    return size % group.size() == 0;
}

// x as host memory while `work` runs, then copied back.
template <class T, std::size_t rank, class Work>
void on_the_host(View<T, rank> x, Stream stream, Work const& work) {
    Buffer<T> const room(Device::cpu, x.size());
    auto const bytes = room.view().span().size_bytes();
    copy_to_host(room.data(), x.data, bytes, stream);
    work(room.view(x.shape));
    copy_from_host(x.data, room.data(), bytes, stream);
}

}  // namespace

void all_reduce_sum(View<float, 1> x, MpiComm const& group, Stream stream) {
    if (group.size() == 1 || x.size() == 0) {
        return;
    }
    if (goes_through_host(group)) {
        return on_the_host(x, stream, [&](auto host) { mpi::all_reduce_sum(host, group); });
    }
    Call const call(group, stream);
    ISOGLOSS_NCCL(ncclAllReduce(
        x.data, x.data, count_of(x.size()), ncclFloat32, ncclSum, call.nccl, call.queue
    ));
    detail::check_nccl_state(call.nccl);
}

void reduce_scatter_sum(
    View<float, 1> x, Stretch const& stretch, MpiComm const& group, Stream stream
) {
    if (group.size() == 1 || x.size() == 0) {
        return;
    }
    if (goes_through_host(group)) {
        return on_the_host(x, stream, [&](auto host) {
            mpi::reduce_scatter_sum(host, stretch, group);
        });
    }
    Call const call(group, stream);
    if (stretch.size == stretch.whole && parts_are_equal(x.size(), group)) {
        auto const own = stretch.of_rank(group.size(), group.rank());
        ISOGLOSS_NCCL(ncclReduceScatter(
            x.data, x.data + own.begin, count_of(own.size()), ncclFloat32, ncclSum, call.nccl,
            call.queue
        ));
        return detail::check_nccl_state(call.nccl);
    }
    call.together(group, [&](int p) {
        auto const part = stretch.of_rank(group.size(), p);
        auto* const data = x.data + part.begin;
        if (part.size() > 0) {
            ISOGLOSS_NCCL(ncclReduce(
                data, data, count_of(part.size()), ncclFloat32, ncclSum, p, call.nccl, call.queue
            ));
        }
    });
}

template <class T>
void all_gather(View<T, 1> x, Stretch const& stretch, MpiComm const& group, Stream stream) {
    if (group.size() == 1 || x.size() == 0) {
        return;
    }
    if (goes_through_host(group)) {
        return on_the_host(x, stream, [&](auto host) { mpi::all_gather(host, stretch, group); });
    }
    Call const call(group, stream);
    if (stretch.size == stretch.whole && parts_are_equal(x.size(), group)) {
        auto const own = stretch.of_rank(group.size(), group.rank());
        ISOGLOSS_NCCL(ncclAllGather(
            x.data + own.begin, x.data, count_of(own.size()), nccl_type<T>(), call.nccl, call.queue
        ));
        return detail::check_nccl_state(call.nccl);
    }
    call.together(group, [&](int p) {
        auto const part = stretch.of_rank(group.size(), p);
        auto* const data = x.data + part.begin;
        if (part.size() > 0) {
            ISOGLOSS_NCCL(ncclBroadcast(
                data, data, count_of(part.size()), nccl_type<T>(), p, call.nccl, call.queue
            ));
        }
    });
}

template <class T>
void broadcast(View<T, 1> x, int root, MpiComm const& group, Stream stream) {
    if (group.size() == 1 || x.size() == 0) {
        return;
    }
    if (goes_through_host(group)) {
        return on_the_host(x, stream, [&](auto host) { mpi::broadcast(host, root, group); });
    }
    Call const call(group, stream);
    ISOGLOSS_NCCL(ncclBroadcast(
        x.data, x.data, count_of(x.size()), nccl_type<T>(), root, call.nccl, call.queue
    ));
    detail::check_nccl_state(call.nccl);
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
    auto const width = send.shape[1];
    auto const own = index(group.rank());
    auto const own_count = send_begin[own + 1] - send_begin[own];
    if (distances.has_itself() && own_count > 0) {
        copy(
            receive.data + receive_begin[own] * width, send.data + send_begin[own] * width,
            count_of(own_count * width) * sizeof(T), stream
        );
    }
    if (group.size() == 1) {
        return;
    }
    auto const others = distances.others();
    if (goes_through_host(group)) {
        Buffer<T> const sent(Device::cpu, send.size());
        Buffer<T> const received(Device::cpu, receive.size());
        copy_to_host(sent.data(), send.data, sent.view().span().size_bytes(), stream);
        mpi::all_to_all_rows<T>(
            sent.view(send.shape), send_begin, received.view(receive.shape), receive_begin, group,
            others
        );
        for (int p = 0; p < group.size(); ++p) {
            auto const begin = receive_begin[index(p)] * width;
            auto const count = receive_begin[index(p) + 1] * width - begin;
            if (others.hears(group.rank(), p, group.size()) && count > 0) {
                copy_from_host(
                    receive.data + begin, received.data() + begin, count_of(count) * sizeof(T),
                    stream
                );
            }
        }
        return;
    }
    Call const call(group, stream);
    call.together(group, [&](int p) {
        auto const sent = send_begin[index(p) + 1] - send_begin[index(p)];
        auto const received = receive_begin[index(p) + 1] - receive_begin[index(p)];
        if (others.sends(group.rank(), p, group.size()) && sent > 0) {
            ISOGLOSS_NCCL(ncclSend(
                send.data + send_begin[index(p)] * width, count_of(sent * width), nccl_type<T>(), p,
                call.nccl, call.queue
            ));
        }
        if (others.hears(group.rank(), p, group.size()) && received > 0) {
            ISOGLOSS_NCCL(ncclRecv(
                receive.data + receive_begin[index(p)] * width, count_of(received * width),
                nccl_type<T>(), p, call.nccl, call.queue
            ));
        }
    });
}

#define ISOGLOSS_INSTANTIATE(T)                                                   \
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

}  // namespace isogloss::cuda

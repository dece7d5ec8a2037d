// device/side_queue.h - a second queue of work on a device, beside that of the thread.
#pragma once

#include <cstdint>

#include "base/unique_handle.h"
#include "device/view.h"

namespace isogloss {

struct SideQueueTraits {
    using type = void*;
    static type null() noexcept { return nullptr; }
    static void release(type queue) noexcept;
};

/// Whose work a GPU begins first where that of two queues could begin: `usual` is that of a
/// thread's own queue.
enum class Urgency : std::uint8_t { idle_time, usual, urgent };

namespace cuda {

/// A queue for Stream::handle, which the caller releases.
void* make_queue(Urgency urgency);
/// Work put in `later` from now on begins after the work that is in `earlier` now. The host goes
/// on.
void put_in_order(Stream earlier, Stream later);
/// How many of the GPU's multiprocessors kernels take from now on that are put in the queue, where
/// they have a choice: matrix products and AdamW. 0: all.
void take_multiprocessors(Stream stream, std::int32_t count);

}  // namespace cuda

/// Work that runs while another queue goes on, such as an exchange between ranks. On the CPU, which
/// works at once, there is none: it works at once too.
///
///     side.begin(stream);               // what the work reads is there
///     all_gather(x, group, side.stream());
///     ...                               // work of the stream without x
///     side.end(stream);                 // x is there
class SideQueue {
public:
    SideQueue(Device device, Urgency urgency) {
        if (device == Device::cuda) {
            queue_ = UniqueHandle<SideQueueTraits>(cuda::make_queue(urgency));
        }
    }

    [[nodiscard]] Stream stream() const { return {queue_.get()}; }

    /// What is put in this queue from now on begins after the present work of `main`.
    void begin(Stream main) const { put_in_order(main, stream()); }
    /// What is put in `main` from now on begins after the present work of this queue.
    void end(Stream main) const { put_in_order(stream(), main); }

    /// From now on the work of this queue takes `own` of the GPU's `all` multiprocessors, that of
    /// `main` the others. own = 0: each takes all that are free.
    void divide(Stream main, std::int32_t own, std::int32_t all) const {
        if (queue_.get() != nullptr) {
            cuda::take_multiprocessors(stream(), own);
            cuda::take_multiprocessors(main, own == 0 ? 0 : all - own);
        }
    }

private:
    void put_in_order(Stream earlier, Stream later) const {
        if (queue_.get() != nullptr) {
            cuda::put_in_order(earlier, later);
        }
    }

    UniqueHandle<SideQueueTraits> queue_;
};

/// The calling thread's side queue for rows that travel between ranks: one for all, because a
/// communicator's exchanges go on in the order in which they were queued.
inline SideQueue const& exchange_queue(Device device) {
    thread_local SideQueue const cpu(Device::cpu, Urgency::urgent);
    if (device == Device::cpu) {
        return cpu;
    }
    thread_local SideQueue const cuda(Device::cuda, Urgency::urgent);
    return cuda;
}

}  // namespace isogloss

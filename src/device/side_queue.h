// device/side_queue.h - a second queue of work on a device, beside that of the thread.
#pragma once

#include "base/unique_handle.h"
#include "device/view.h"

namespace isogloss {

struct SideQueueTraits {
    using type = void*;
    static type null() noexcept { return nullptr; }
    static void release(type queue) noexcept;
};

namespace cuda {

/// A queue for Stream::handle, which the caller releases.
void* make_queue();
/// Work put in `later` from now on begins after the work that is in `earlier` now. The host goes
/// on.
void put_in_order(Stream earlier, Stream later);

}  // namespace cuda

/// Work that runs while the thread's own queue goes on, such as an exchange between ranks. On the
/// CPU, which works at once, it is the thread's own queue.
///
///     side.begin();                     // what the work reads is there
///     all_gather(x, group, side.stream());
///     ...                               // the thread's own work, without x
///     side.end();                       // x is there
class SideQueue {
public:
    explicit SideQueue(Device device) {
        if (device == Device::cuda) {
            queue_ = UniqueHandle<SideQueueTraits>(cuda::make_queue());
        }
    }

    [[nodiscard]] Stream stream() const { return {queue_.get()}; }

    /// What is put in this queue from now on begins after the present work of the thread's own.
    void begin() const { put_in_order(Stream{}, stream()); }
    /// What is put in the thread's own queue from now on begins after the present work of this.
    void end() const { put_in_order(stream(), Stream{}); }

private:
    void put_in_order(Stream earlier, Stream later) const {
        if (queue_.get() != nullptr) {
            cuda::put_in_order(earlier, later);
        }
    }

    UniqueHandle<SideQueueTraits> queue_;
};

}  // namespace isogloss

// device/queue_mark.h - a place in a queue of work that other queues can wait for.
#pragma once

#include "base/unique_handle.h"
#include "device/view.h"

namespace isogloss {

struct QueueMarkTraits {
    using type = void*;
    static type null() noexcept { return nullptr; }
    static void release(type mark) noexcept;
};

namespace cuda {

/// A mark behind the present work of `stream`, which the caller releases.
void* make_mark(Stream stream);
/// Work put in `later` from now on begins after what is before the mark. The host goes on.
void put_after(void* mark, Stream later);

}  // namespace cuda

/// Marks the end of the present work of a queue. On the CPU, which works at once, it is reached
/// already.
class QueueMark {
public:
    QueueMark(Device device, Stream stream) {
        if (device == Device::cuda) {
            mark_ = UniqueHandle<QueueMarkTraits>(cuda::make_mark(stream));
        }
    }

    /// What is put in `later` from now on begins after the marked work.
    void put_before(Stream later) const {
        if (mark_.get() != nullptr) {
            cuda::put_after(mark_.get(), later);
        }
    }

private:
    UniqueHandle<QueueMarkTraits> mark_;
};

}  // namespace isogloss

// device/cuda_queue.h - what Stream::handle points at: a CUDA stream and the scratch of its work.
// For .cu files only.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "base/unique_handle.h"
#include "device/buffer.h"
#include "device/side_queue.h"
#include "device/view.h"

namespace isogloss::cuda {

struct StreamTraits {
    using type = cudaStream_t;
    static type null() noexcept { return nullptr; }
    static void release(type stream) noexcept;
};

struct EventTraits {
    using type = cudaEvent_t;
    static type null() noexcept { return nullptr; }
    static void release(type event) noexcept;
};

/// A queue of work on the GPU that the making thread chose. Work of one queue runs in order, work
/// of two at the same time unless one waits for the other.
///
/// `Stream{}` means the calling thread's own queue, which is made when it is first needed; another
/// one, say for communication, is a Queue that its user owns and passes on as `queue.stream()`.
class Queue {
public:
    explicit Queue(Urgency urgency = Urgency::usual);
    Queue(Queue const&) = delete;  // streams hold its address
    Queue& operator=(Queue const&) = delete;

    [[nodiscard]] cudaStream_t get() const noexcept { return stream_.get(); }
    [[nodiscard]] Stream stream() noexcept { return {this}; }

    /// Device memory for the work that is put in this queue until the next call: in order, so the
    /// same bytes serve every operation. Aligned to 256, not zeroed. Grows in the first step and
    /// stays.
    [[nodiscard]] std::byte* scratch(std::int64_t bytes);
    /// The same as `count` elements.
    template <class T>
    [[nodiscard]] T* scratch_of(std::int64_t count) {
        return reinterpret_cast<T*>(scratch(count * static_cast<std::int64_t>(sizeof(T))));
    }
    /// Times the scratch grew: constant in the steady state.
    [[nodiscard]] std::int64_t num_allocations() const noexcept { return num_allocations_; }

    /// How many multiprocessors a kernel of this queue takes that has a choice; 0: all.
    [[nodiscard]] std::int32_t multiprocessors() const noexcept { return multiprocessors_; }
    void take_multiprocessors(std::int32_t count) noexcept { multiprocessors_ = count; }

    /// Later work of this queue begins after the present work of `other`. Nobody waits on the host.
    void wait_for(Queue const& other);
    /// The host waits until all work is done.
    void wait() const;

private:
    UniqueHandle<StreamTraits> stream_;
    UniqueHandle<EventTraits> event_;
    Memory scratch_;
    std::int64_t num_allocations_ = 0;
    std::int32_t multiprocessors_ = 0;
};

/// The queue a stream means.
Queue& queue_of(Stream stream);

}  // namespace isogloss::cuda

// device/cuda_event.h - a mark in a queue: its time, measured by the GPU.
#pragma once

#include "base/unique_handle.h"
#include "device/view.h"

namespace isogloss::cuda {

struct TimedEventTraits {
    using type = void*;
    static type null() noexcept { return nullptr; }
    static void release(type event) noexcept;
};

/// Marks a place in a queue. The GPU writes down when it came there.
///
///     Event const begin(stream);
///     ... work ...
///     Event const end(stream);
///     double const seconds = end.seconds_since(begin);
class Event {
public:
    explicit Event(Stream stream);

    /// The host waits until this mark is reached. Resolution about half a microsecond.
    [[nodiscard]] double seconds_since(Event const& begin) const;

private:
    UniqueHandle<TimedEventTraits> handle_;
};

}  // namespace isogloss::cuda

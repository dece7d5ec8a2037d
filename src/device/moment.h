// device/moment.h - a moment of a device's work, for measuring how long a stretch of it took.
#pragma once

#include <chrono>
#include <optional>

#include "device/cuda_event.h"
#include "device/view.h"

namespace isogloss {

/// Now on the CPU, which works at once; on a GPU a mark in the queue, reached when the work put
/// there before is done.
///
///     Moment const begin(device, stream);
///     ... work ...
///     Moment const end(device, stream);
///     double const seconds = end.seconds_since(begin);
class Moment {
public:
    Moment(Device device, Stream stream) {
        if (device == Device::cuda) {
            mark_.emplace(stream);
        }
    }

    /// Of two moments of one device. On a GPU the host waits until this one is reached.
    [[nodiscard]] double seconds_since(Moment const& begin) const {
        if (mark_) {
            return mark_->seconds_since(*begin.mark_);
        }
        return std::chrono::duration<double>(now_ - begin.now_).count();
    }

private:
    std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::now();
    std::optional<cuda::Event> mark_;
};

}  // namespace isogloss

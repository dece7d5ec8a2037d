// device/cuda_device.h - the GPUs this process sees, and the one it works on.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "device/view.h"

namespace isogloss::cuda {

struct DeviceProperties {
    std::string name;
    std::int32_t compute_capability = 0;  ///< 90 for 9.0
    std::int32_t multiprocessors = 0;
    std::int64_t memory_bytes = 0;
    std::int64_t l2_bytes = 0;
    std::array<std::uint8_t, 16> id{};  ///< tells GPUs of one machine apart, also between processes
};

/// GPUs this process may use; 0 where there is none, no driver, or the driver is too old.
std::int32_t num_devices();

/// Makes `index` in [0, num_devices()) the GPU of the calling thread. Must come before anything
/// else is put on a GPU. @throws Error (environment) when there is no such GPU or it cannot be used
void choose_device(std::int32_t index);

/// Of the GPU that was chosen (else of the first).
DeviceProperties device_properties();
/// Bytes that nobody has taken yet.
std::int64_t free_device_memory();

/// The host waits until all that was put in the queue is done.
void wait(Stream stream);

}  // namespace isogloss::cuda

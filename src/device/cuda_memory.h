// device/cuda_memory.h - memory of the CUDA device this rank has chosen.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/view.h"

namespace isogloss::cuda {

/// Zeroed device memory. @throws Error (environment) when there is not that much
std::byte* allocate(std::int64_t bytes);
void free(std::byte* memory) noexcept;
/// `to` on the device, `from` on the host, which may be changed on return.
void copy_from_host(void* to, void const* from, std::size_t bytes, Stream stream);
/// `to` on the host, `from` on the device, after the work put in the queue before; done on return.
void copy_to_host(void* to, void const* from, std::size_t bytes, Stream stream);
/// Both on the device; put in the queue.
void copy(void* to, void const* from, std::size_t bytes, Stream stream);

}  // namespace isogloss::cuda

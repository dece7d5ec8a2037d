// device/cuda_memory.h - memory of the CUDA device this rank has chosen.
#pragma once

#include <cstddef>
#include <cstdint>

namespace isogloss::cuda {

/// Zeroed device memory. @throws Error (environment) when there is not that much
std::byte* allocate(std::int64_t bytes);
void free(std::byte* memory) noexcept;

}  // namespace isogloss::cuda

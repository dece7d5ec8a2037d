// device/cuda_check.h - turns a CUDA return code into an Error. For .cu files only.
#pragma once

#include <cuda_runtime.h>

#include <source_location>

namespace isogloss::detail {

/// Throws (environment) when `code` is not cudaSuccess, with the call, CUDA's name and text for it,
/// and what to do about it. A fault of a kernel shows in whatever call comes after it.
void check_cuda(
    cudaError_t code, char const* call, std::source_location where = std::source_location::current()
);

}  // namespace isogloss::detail

#define ISOGLOSS_CUDA(call) ::isogloss::detail::check_cuda((call), #call)

// device/profile_range.h - names of stretches of the host's work, for profilers.
#pragma once

#include <cstdint>

namespace isogloss::cuda {

/// Ends the range that this thread began last and begins the range `phase`, of layer `layer` unless
/// that is -1: Nsight Systems shows it beside the kernels that were queued in it. Costs a call that
/// returns at once where no profiler listens; a build without CUDA has no ranges.
void begin_profile_range(char const* phase, std::int64_t layer) noexcept;

}  // namespace isogloss::cuda

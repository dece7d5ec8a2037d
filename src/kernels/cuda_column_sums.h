// kernels/cuda_column_sums.h - the last step of sums over rows: partial sums added up in order. For
// .cu files only.
#pragma once

#include <cstdint>

#include "device/view.h"

namespace isogloss::cuda {

/// Most partial sums a caller should make: enough to fill a GPU, few enough to add up quickly.
constexpr std::int64_t kMostPartialSums = 528;

/// total[d] += sum over p of partial[p, d], always in the same order.   partial [P, D], total [D]
void add_partial_sums(
    float const* partial, std::int64_t count, std::int64_t width, float* total, Stream stream
);

}  // namespace isogloss::cuda

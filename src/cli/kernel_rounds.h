// cli/kernel_rounds.h - times each operation of a training step alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/bench_model.h"
#include "device/view.h"

namespace isogloss {

/// One operation at a shape of the step. Work is operations of a product-like one, else bytes read
/// and written, each counted once.
struct KernelTime {
    std::string name;
    double seconds = 0.0;  ///< best of `repeats` calls, after one that is not timed
    double flops = 0.0;
    double bytes = 0.0;
};

/// In order of the step, in model.dtype, each on memory of its own.
std::vector<KernelTime> time_kernels(BenchModel const& model, Device device, std::int32_t repeats);

}  // namespace isogloss

// cli/measured_limits.h - what products and copies reach on this machine, as limits of a step.
#pragma once

#include <cstdint>

#include "cli/bench_model.h"

namespace isogloss {

/// Best seconds of one call, alone on this rank's cores or GPU, of `repeats` and with warm memory.
double product_seconds(StepProduct const& product, DType dtype, Device device, int repeats);

/// What this rank's products reach at the shapes of a step: sum of their operations over sum of
/// their seconds. FLOP/s.
struct ProductRates {
    double best = 0.0;  ///< each product's best call, after a pause
    /// Mean of calls without a pause, each product for a fifth of a second after as long uncounted:
    /// a GPU that draws all the power it may lowers its clock within that time, as in a step. On
    /// the CPU the same as `best`.
    double held = 0.0;
};
ProductRates product_rates(BenchModel const& model, Device device, std::int64_t tokens);

/// Bytes a second, read and written, of copying large memory of this rank's device to itself.
double copy_peak(Device device);

/// What bounds all operations of a step, measured beside them.
struct StepLimits {
    ProductRates products;  ///< of all ranks
    double copy = 0.0;      ///< bytes a second of one rank: copy_peak
};

}  // namespace isogloss

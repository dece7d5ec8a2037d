// kernels/backend.h - the operations once more, one definition a device.
//
// Callers use the operations' own headers; only op.cpp (which checks and chooses), op_cpu.cpp and
// the CUDA files (or no_cuda.cpp) include this one.
#pragma once

#include <cstdint>
#include <span>

#include "device/view.h"
#include "kernels/adamw.h"
#include "kernels/attention.h"
#include "kernels/cached_attention.h"
#include "kernels/gradient_sum.h"
#include "kernels/head_norm.h"
#include "kernels/layer_norm.h"
#include "kernels/rms_norm.h"
#include "kernels/rotary.h"

namespace isogloss::cpu {
#include "kernels/backend_operations.inc"
}  // namespace isogloss::cpu

namespace isogloss::cuda {
#include "kernels/backend_operations.inc"
}  // namespace isogloss::cuda

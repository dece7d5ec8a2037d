// device/cuda_check.cu
#include "device/cuda_check.h"

#include <string>

#include "base/error.h"

namespace isogloss::detail {
namespace {

char const* remedy(cudaError_t code) {
    switch (code) {
        case cudaErrorMemoryAllocation:
            return "use fewer rows a micro-batch, recompute activations, or use more ranks";
        case cudaErrorInsufficientDriver:
            return "the driver is older than the CUDA this program was built with: load the "
                   "cluster's newer driver or build with its CUDA";
        case cudaErrorNoDevice:
        case cudaErrorInvalidDevice:
            return "start no more ranks on a node than it has GPUs, and look at "
                   "CUDA_VISIBLE_DEVICES";
        case cudaErrorNoKernelImageForDevice:
            return "build with -DCMAKE_CUDA_ARCHITECTURES= the number of this GPU";
        default:
            return "run again with CUDA_LAUNCH_BLOCKING=1 or under compute-sanitizer to see which "
                   "kernel it was";
    }
}

}  // namespace

void check_cuda(cudaError_t code, char const* call, std::source_location where) {
    if (code == cudaSuccess) {
        return;
    }
    throw Error(
        Exit::environment,
        std::string(call) + ": " + cudaGetErrorName(code) + ", " + cudaGetErrorString(code) + "; " +
            remedy(code),
        where
    );
}

}  // namespace isogloss::detail

// kernels/cuda_column_sums.cu
#include "kernels/cuda_column_sums.h"

#include "kernels/cuda_parts.h"

namespace isogloss::cuda {
namespace {

constexpr int kGroups = kThreads / kWarp;

/// A warp's lanes are columns; the warps of a block take every kGroups-th partial sum, and their
/// results are added in order.
__global__ void __launch_bounds__(kThreads) add_partial_sums_kernel(
    float const* partial, std::int64_t count, std::int64_t width, float* total
) {
    __shared__ float of_group[kGroups][kWarp];
    int const group = static_cast<int>(threadIdx.x) / kWarp;
    int const lane = static_cast<int>(threadIdx.x) % kWarp;
    std::int64_t const d = static_cast<std::int64_t>(blockIdx.x) * kWarp + lane;
    float sum = 0.0F;
    if (d < width) {
        for (std::int64_t p = group; p < count; p += kGroups) {
            sum += partial[p * width + d];
        }
    }
    of_group[group][lane] = sum;
    __syncthreads();
    if (group > 0 || d >= width) {
        return;
    }
    for (int g = 1; g < kGroups; ++g) {
        sum += of_group[g][lane];
    }
    total[d] += sum;
}

}  // namespace

void add_partial_sums(
    float const* partial, std::int64_t count, std::int64_t width, float* total, Stream stream
) {
    if (width == 0) {
        return;
    }
    auto const blocks = static_cast<unsigned>(ceil_div(width, kWarp));
    add_partial_sums_kernel<<<blocks, kThreads, 0, queue_of(stream).get()>>>(
        partial, count, width, total
    );
    ISOGLOSS_CUDA(cudaGetLastError());
}

}  // namespace isogloss::cuda

// moe/unit_rows_cuda.cu
#include <vector>

#include "base/math.h"
#include "device/cuda_memory.h"
#include "moe/cuda_launch.h"
#include "moe/unit_rows.h"

namespace isogloss::cuda {
namespace {

// Runs of tokens whose columns are added up side by side; their sums are then added in order.
constexpr std::int64_t kRuns = 64;

// scale[n] = 1 / |x[n]|, 0 where nothing is to be added. A block a token.
template <class T>
__global__ void scale_kernel(
    T const* x, std::int64_t width, std::int32_t const* target, double* scale
) {
    auto const* const row = x + blockIdx.x * width;
    double squares = 0.0;
    for (std::int64_t d = threadIdx.x; d < width; d += kThreads) {
        auto const value = static_cast<double>(widen(row[d]));
        squares += value * value;
    }
    squares = block_sum(squares);
    if (threadIdx.x == 0) {
        bool const counts = target[blockIdx.x] >= 0 && squares > 0.0;
        scale[blockIdx.x] = counts ? 1.0 / sqrt(squares) : 0.0;
    }
}

// sums[run, d] over the run's tokens, ascending. Grid: columns by runs.
template <class T>
__global__ void run_sums_kernel(
    T const* x, std::int64_t tokens, std::int64_t width, double const* scale, double* sums
) {
    auto const d = thread_place();
    auto const length = (tokens + kRuns - 1) / kRuns;
    auto const begin = static_cast<std::int64_t>(blockIdx.y) * length;
    auto const end = min(begin + length, tokens);
    if (d >= width) {
        return;
    }
    double sum = 0.0;
    for (auto n = begin; n < end; ++n) {
        sum += scale[n] * static_cast<double>(widen(x[n * width + d]));
    }
    sums[static_cast<std::int64_t>(blockIdx.y) * width + d] = sum;
}

}  // namespace

template <class T>
void add_unit_rows(
    View<T const, 2> x, View<std::int32_t const, 1> target, std::span<double> sum, Stream stream
) {
    auto const [tokens, width] = x.shape;
    if (tokens == 0 || width == 0) {
        return;
    }
    auto& queue = queue_of(stream);
    auto* const scale = queue.scratch_of<double>(tokens + kRuns * width);
    auto* const summed = scale + tokens;
    scale_kernel<T><<<static_cast<unsigned>(tokens), kThreads, 0, queue.get()>>>(
        x.data, width, target.data, scale
    );
    check_launch();
    dim3 const grid(blocks_for(width), static_cast<unsigned>(kRuns));
    run_sums_kernel<T><<<grid, kThreads, 0, queue.get()>>>(x.data, tokens, width, scale, summed);
    check_launch();
    std::vector<double> runs(index(kRuns * width));
    copy_to_host(runs.data(), summed, runs.size() * sizeof(double), stream);
    for (std::size_t i = 0; i < runs.size(); ++i) {
        sum[i % index(width)] += runs[i];
    }
}

template decltype(add_unit_rows<float>) add_unit_rows<float>;
template decltype(add_unit_rows<bf16>) add_unit_rows<bf16>;

}  // namespace isogloss::cuda

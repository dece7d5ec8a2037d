// moe/shared_gate_cuda.cu
#include "device/cuda_queue.h"
#include "moe/cuda_launch.h"
#include "moe/shared_gate.h"

namespace isogloss::cuda {
namespace {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xFFFFFFFFU;

__device__ float stored(float x, float /*type*/) {
    return x;
}
/// To nearest even; NaN stays NaN.
__device__ bf16 stored(float x, bf16 /*type*/) {
    auto const bits = __float_as_uint(x);
    bool const is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
    auto const rounded = bits + 0x7FFFU + ((bits >> 16U) & 1U);
    bf16 result;
    result.bits = static_cast<std::uint16_t>((is_nan ? bits | 0x00400000U : rounded) >> 16U);
    return result;
}

/// The lanes of a warp share the width in strides and add up by halves; all have the sum.
template <class T>
__device__ float dot(T const* left, T const* right, std::int64_t width) {
    float sum = 0.0F;
    for (std::int64_t d = threadIdx.x % kWarp; d < width; d += kWarp) {
        sum += widened(left[d]) * widened(right[d]);
    }
    for (int step = kWarp / 2; step > 0; step /= 2) {
        sum += __shfl_xor_sync(kAllLanes, sum, step);
    }
    return sum;
}

// A warp a token, here and below.
template <class T>
__global__ void gate_kernel(
    T const* x, T const* weight, std::int64_t tokens, std::int64_t width, float* gate
) {
    auto const n = thread_place() / kWarp;
    if (n >= tokens) {
        return;
    }
    float const score = dot(x + n * width, weight, width);
    if (threadIdx.x % kWarp == 0) {
        gate[n] = 1.0F / (1.0F + expf(-score));
    }
}

template <class T>
__global__ void add_gated_kernel(
    T const* z, float const* gate, std::int64_t size, std::int64_t width, T* y
) {
    auto const i = thread_place();
    if (i < size) {
        y[i] = stored(widened(y[i]) + gate[i / width] * widened(z[i]), T{});
    }
}

template <class T>
struct RowTable {
    T const* z;
    float const* gate;
    std::int64_t tokens;
    std::int64_t width;
};

template <class T>
__global__ void backward_kernel(T const* dy, RowTable<T> rows, T* dz, float* dscore) {
    auto const n = thread_place() / kWarp;
    if (n >= rows.tokens) {
        return;
    }
    auto const width = rows.width;
    float const share = rows.gate[n];
    float const sum = dot(dy + n * width, rows.z + n * width, width);
    if (threadIdx.x % kWarp == 0) {
        dscore[n] = share * (1.0F - share) * sum;
    }
    for (std::int64_t d = threadIdx.x % kWarp; d < width; d += kWarp) {
        dz[n * width + d] = stored(share * widened(dy[n * width + d]), T{});
    }
}

template <class T>
__global__ void add_input_kernel(
    T const* part,
    float const* dscore,
    T const* weight,
    std::int64_t size,
    std::int64_t width,
    T* dx
) {
    auto const i = thread_place();
    if (i < size) {
        float const more = widened(part[i]) + dscore[i / width] * widened(weight[i % width]);
        dx[i] = stored(widened(dx[i]) + more, T{});
    }
}

}  // namespace

template <class T>
void shared_gate(View<T const, 2> x, View<T const, 2> weight, View<float, 1> gate, Stream stream) {
    auto const [tokens, width] = x.shape;
    if (tokens == 0) {
        return;
    }
    gate_kernel<T><<<blocks_for(tokens * kWarp), kThreads, 0, queue_of(stream).get()>>>(
        x.data, weight.data, tokens, width, gate.data
    );
    check_launch();
}

template <class T>
void add_gated(View<T const, 2> z, View<float const, 1> gate, View<T, 2> y, Stream stream) {
    if (z.size() == 0) {
        return;
    }
    add_gated_kernel<T><<<blocks_for(z.size()), kThreads, 0, queue_of(stream).get()>>>(
        z.data, gate.data, z.size(), z.shape[1], y.data
    );
    check_launch();
}

template <class T>
void shared_gate_backward(
    View<T const, 2> dy,
    GatedRows<T> const& rows,
    View<T, 2> dz,
    View<float, 1> dscore,
    Stream stream
) {
    auto const tokens = dy.shape[0];
    if (tokens == 0) {
        return;
    }
    backward_kernel<T><<<blocks_for(tokens * kWarp), kThreads, 0, queue_of(stream).get()>>>(
        dy.data, {rows.z.data, rows.gate.data, tokens, dy.shape[1]}, dz.data, dscore.data
    );
    check_launch();
}

template <class T>
void add_shared_input(
    View<T const, 2> part,
    View<float const, 1> dscore,
    View<T const, 2> weight,
    View<T, 2> dx,
    Stream stream
) {
    if (part.size() == 0) {
        return;
    }
    add_input_kernel<T><<<blocks_for(part.size()), kThreads, 0, queue_of(stream).get()>>>(
        part.data, dscore.data, weight.data, part.size(), part.shape[1], dx.data
    );
    check_launch();
}

template decltype(shared_gate<float>) shared_gate<float>;
template decltype(shared_gate<bf16>) shared_gate<bf16>;
template decltype(add_gated<float>) add_gated<float>;
template decltype(add_gated<bf16>) add_gated<bf16>;
template decltype(shared_gate_backward<float>) shared_gate_backward<float>;
template decltype(shared_gate_backward<bf16>) shared_gate_backward<bf16>;
template decltype(add_shared_input<float>) add_shared_input<float>;
template decltype(add_shared_input<bf16>) add_shared_input<bf16>;

}  // namespace isogloss::cuda

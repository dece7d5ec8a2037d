// moe/shared_gate_cuda.cu
#include "moe/cuda_launch.h"
#include "moe/shared_gate.h"

namespace isogloss::cuda {
namespace {

/// Of two rows, by one warp; all lanes have it.
template <class T>
__device__ float dot(T const* left, T const* right, std::int64_t width) {
    float sum = 0.0F;
    for (std::int64_t d = threadIdx.x % kWarp; d < width; d += kWarp) {
        sum += widen(left[d]) * widen(right[d]);
    }
    return warp_sum(sum);
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
        dz[n * width + d] = narrow<T>(share * widen(dy[n * width + d]));
    }
}

template <class T>
struct AddGated {
    T const* z;
    float const* gate;
    T* y;
    std::int64_t width;

    template <int n>
    __device__ void at(std::int64_t row, std::int64_t d) const {
        float more[n];
        float sum[n];
        load(z + row * width + d, more);
        load(y + row * width + d, sum);
        float const share = gate[row];
#pragma unroll
        for (int j = 0; j < n; ++j) {
            sum[j] += share * more[j];
        }
        store(sum, y + row * width + d);
    }
};

template <class T>
struct AddInput {
    T const* part;
    float const* dscore;
    T const* weight;
    T* dx;
    std::int64_t width;

    template <int n>
    __device__ void at(std::int64_t row, std::int64_t d) const {
        float more[n];
        float factor[n];
        float sum[n];
        load(part + row * width + d, more);
        load(weight + d, factor);
        load(dx + row * width + d, sum);
        float const slope = dscore[row];
#pragma unroll
        for (int j = 0; j < n; ++j) {
            sum[j] += more[j] + slope * factor[j];
        }
        store(sum, dx + row * width + d);
    }
};

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
    AddGated<T> const body{z.data, gate.data, y.data, z.shape[1]};
    over_rows<kVectorBytes / sizeof(T)>(
        z.shape[0], z.shape[1], all_aligned(kVectorBytes, z.data, y.data), body, stream
    );
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
    AddInput<T> const body{part.data, dscore.data, weight.data, dx.data, part.shape[1]};
    over_rows<kVectorBytes / sizeof(T)>(
        part.shape[0], part.shape[1], all_aligned(kVectorBytes, part.data, weight.data, dx.data),
        body, stream
    );
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

// kernels/swiglu_cuda.cu
#include "kernels/backend.h"
#include "kernels/cuda_parts.h"

namespace isogloss::cuda {
namespace {

__device__ float sigmoid(float z) {
    return 1.0F / (1.0F + expf(-z));
}

template <class T>
struct Forward {
    T const* gate_up;
    T* y;
    std::int64_t width;

    template <int n>
    __device__ void at(std::int64_t row, std::int64_t f) const {
        float z[n];
        float u[n];
        load(gate_up + row * 2 * width + f, z);
        load(gate_up + (row * 2 + 1) * width + f, u);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            z[j] = z[j] * sigmoid(z[j]) * u[j];
        }
        store(z, y + row * width + f);
    }
};

template <class T>
struct Backward {
    T const* gate_up;
    T const* dy;
    T* dgate_up;
    std::int64_t width;

    template <int n>
    __device__ void at(std::int64_t row, std::int64_t f) const {
        float z[n];
        float u[n];
        float g[n];
        load(gate_up + row * 2 * width + f, z);
        load(gate_up + (row * 2 + 1) * width + f, u);
        load(dy + row * width + f, g);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            float const s = sigmoid(z[j]);
            float const dup = g[j] * z[j] * s;
            z[j] = g[j] * u[j] * s * (1.0F + z[j] * (1.0F - s));
            u[j] = dup;
        }
        store(z, dgate_up + row * 2 * width + f);
        store(u, dgate_up + (row * 2 + 1) * width + f);
    }
};

}  // namespace

template <class T>
void swiglu(View<T const, 2> gate_up, View<T, 2> y, Stream stream) {
    Forward<T> const forward{gate_up.data, y.data, y.shape[1]};
    over_rows<kVectorBytes / sizeof(T)>(
        y.shape[0], y.shape[1], all_aligned(kVectorBytes, gate_up.data, y.data), forward, stream
    );
}

template <class T>
void swiglu_backward(
    View<T const, 2> gate_up, View<T const, 2> dy, View<T, 2> dgate_up, Stream stream
) {
    Backward<T> const backward{gate_up.data, dy.data, dgate_up.data, dy.shape[1]};
    over_rows<kVectorBytes / sizeof(T)>(
        dy.shape[0], dy.shape[1], all_aligned(kVectorBytes, gate_up.data, dy.data, dgate_up.data),
        backward, stream
    );
}

template decltype(swiglu<float>) swiglu<float>;
template decltype(swiglu<bf16>) swiglu<bf16>;
template decltype(swiglu_backward<float>) swiglu_backward<float>;
template decltype(swiglu_backward<bf16>) swiglu_backward<bf16>;

}  // namespace isogloss::cuda

// kernels/gelu_cuda.cu
#include "kernels/backend.h"
#include "kernels/cuda_parts.h"

namespace isogloss::cuda {
namespace {

constexpr float kTwiceRoot = 1.59576912F;  // 2 sqrt(2 / pi)
constexpr float kCubic = 0.044715F;

/// As on the CPU.
__device__ float share_of(float z) {
    return 1.0F / (1.0F + expf(-kTwiceRoot * (z + kCubic * z * z * z)));
}

__device__ float slope_of(float z, float share) {
    float const slope_of_2u = kTwiceRoot * (1.0F + 3.0F * kCubic * z * z);
    return share + z * share * (1.0F - share) * slope_of_2u;
}

template <class T>
struct Gelu {
    T const* x;
    T* y;

    template <int n>
    __device__ void at(std::int64_t i) const {
        float z[n];
        load(x + i, z);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            z[j] *= share_of(z[j]);
        }
        store(z, y + i);
    }
};

template <class T>
struct GeluBackward {
    T const* x;
    T const* dy;
    T* dx;

    template <int n>
    __device__ void at(std::int64_t i) const {
        float z[n];
        float g[n];
        load(x + i, z);
        load(dy + i, g);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            g[j] *= slope_of(z[j], share_of(z[j]));
        }
        store(g, dx + i);
    }
};

template <class T>
struct Geglu {
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
            z[j] = z[j] * share_of(z[j]) * u[j];
        }
        store(z, y + row * width + f);
    }
};

template <class T>
struct GegluBackward {
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
            float const share = share_of(z[j]);
            float const dup = g[j] * z[j] * share;
            z[j] = g[j] * u[j] * slope_of(z[j], share);
            u[j] = dup;
        }
        store(z, dgate_up + row * 2 * width + f);
        store(u, dgate_up + (row * 2 + 1) * width + f);
    }
};

}  // namespace

template <class T>
void gelu(View<T const, 2> x, View<T, 2> y, Stream stream) {
    over_elements<kVectorBytes / sizeof(T)>(
        x.size(), all_aligned(kVectorBytes, x.data, y.data), Gelu<T>{x.data, y.data}, stream
    );
}

template <class T>
void gelu_backward(View<T const, 2> x, View<T const, 2> dy, View<T, 2> dx, Stream stream) {
    over_elements<kVectorBytes / sizeof(T)>(
        x.size(), all_aligned(kVectorBytes, x.data, dy.data, dx.data),
        GeluBackward<T>{x.data, dy.data, dx.data}, stream
    );
}

template <class T>
void geglu(View<T const, 2> gate_up, View<T, 2> y, Stream stream) {
    Geglu<T> const forward{gate_up.data, y.data, y.shape[1]};
    over_rows<kVectorBytes / sizeof(T)>(
        y.shape[0], y.shape[1], all_aligned(kVectorBytes, gate_up.data, y.data), forward, stream
    );
}

template <class T>
void geglu_backward(
    View<T const, 2> gate_up, View<T const, 2> dy, View<T, 2> dgate_up, Stream stream
) {
    GegluBackward<T> const backward{gate_up.data, dy.data, dgate_up.data, dy.shape[1]};
    over_rows<kVectorBytes / sizeof(T)>(
        dy.shape[0], dy.shape[1], all_aligned(kVectorBytes, gate_up.data, dy.data, dgate_up.data),
        backward, stream
    );
}

template decltype(gelu<float>) gelu<float>;
template decltype(gelu<bf16>) gelu<bf16>;
template decltype(gelu_backward<float>) gelu_backward<float>;
template decltype(gelu_backward<bf16>) gelu_backward<bf16>;
template decltype(geglu<float>) geglu<float>;
template decltype(geglu<bf16>) geglu<bf16>;
template decltype(geglu_backward<float>) geglu_backward<float>;
template decltype(geglu_backward<bf16>) geglu_backward<bf16>;

}  // namespace isogloss::cuda

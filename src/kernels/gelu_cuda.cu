// kernels/gelu_cuda.cu
#include "kernels/backend.h"
#include "kernels/cuda_gated.h"
#include "kernels/cuda_parts.h"

namespace isogloss::cuda {
namespace {

constexpr float kTwiceRoot = 1.59576912F;  // 2 sqrt(2 / pi)
constexpr float kCubic = 0.044715F;

/// As on the CPU.
struct Gelu {
    __device__ static float share(float z) {
        return 1.0F / (1.0F + expf(-kTwiceRoot * (z + kCubic * z * z * z)));
    }
    __device__ static float times_slope(float c, float z, float s) {
        float const slope_of_2u = kTwiceRoot * (1.0F + 3.0F * kCubic * z * z);
        return c * (s + z * s * (1.0F - s) * slope_of_2u);
    }
};

template <class T>
struct Forward {
    T const* x;
    T* y;

    template <int n>
    __device__ void at(std::int64_t i) const {
        float z[n];
        load(x + i, z);
#pragma unroll
        for (int j = 0; j < n; ++j) {
            z[j] *= Gelu::share(z[j]);
        }
        store(z, y + i);
    }
};

template <class T>
struct Backward {
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
            g[j] = Gelu::times_slope(g[j], z[j], Gelu::share(z[j]));
        }
        store(g, dx + i);
    }
};

}  // namespace

template <class T>
void gelu(View<T const, 2> x, View<T, 2> y, Stream stream) {
    over_elements<kVectorBytes / sizeof(T)>(
        x.size(), all_aligned(kVectorBytes, x.data, y.data), Forward<T>{x.data, y.data}, stream
    );
}

template <class T>
void gelu_backward(View<T const, 2> x, View<T const, 2> dy, View<T, 2> dx, Stream stream) {
    over_elements<kVectorBytes / sizeof(T)>(
        x.size(), all_aligned(kVectorBytes, x.data, dy.data, dx.data),
        Backward<T>{x.data, dy.data, dx.data}, stream
    );
}

template <class T>
void geglu(View<T const, 2> gate_up, View<T, 2> y, Stream stream) {
    gated<Gelu>(gate_up, y, stream);
}

template <class T>
void geglu_backward(
    View<T const, 2> gate_up, View<T const, 2> dy, View<T, 2> dgate_up, Stream stream
) {
    gated_backward<Gelu>(gate_up, dy, dgate_up, stream);
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

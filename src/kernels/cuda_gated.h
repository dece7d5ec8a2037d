// kernels/cuda_gated.h - gated activations on a GPU, for any activation of the gate. For .cu files
// only.
#pragma once

#include "device/view.h"
#include "kernels/cuda_parts.h"

namespace isogloss::cuda {

/// What one thread does to the elements of a row; Activation as in kernels/gated_cpu.h.
template <class Activation, class T>
struct GatedForward {
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
            z[j] = z[j] * Activation::share(z[j]) * u[j];
        }
        store(z, y + row * width + f);
    }
};

template <class Activation, class T>
struct GatedBackward {
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
            float const s = Activation::share(z[j]);
            float const dup = g[j] * z[j] * s;
            z[j] = Activation::times_slope(g[j] * u[j], z[j], s);
            u[j] = dup;
        }
        store(z, dgate_up + row * 2 * width + f);
        store(u, dgate_up + (row * 2 + 1) * width + f);
    }
};

template <class Activation, class T>
void gated(View<T const, 2> gate_up, View<T, 2> y, Stream stream) {
    GatedForward<Activation, T> const forward{gate_up.data, y.data, y.shape[1]};
    over_rows<kVectorBytes / sizeof(T)>(
        y.shape[0], y.shape[1], all_aligned(kVectorBytes, gate_up.data, y.data), forward, stream
    );
}

template <class Activation, class T>
void gated_backward(
    View<T const, 2> gate_up, View<T const, 2> dy, View<T, 2> dgate_up, Stream stream
) {
    GatedBackward<Activation, T> const backward{gate_up.data, dy.data, dgate_up.data, dy.shape[1]};
    over_rows<kVectorBytes / sizeof(T)>(
        dy.shape[0], dy.shape[1], all_aligned(kVectorBytes, gate_up.data, dy.data, dgate_up.data),
        backward, stream
    );
}

}  // namespace isogloss::cuda

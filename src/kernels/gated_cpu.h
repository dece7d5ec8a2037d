// kernels/gated_cpu.h - gated activations on the CPU, for any activation of the gate.
#pragma once

#include "kernels/backend.h"
#include "kernels/parallel.h"

namespace isogloss::cpu {

/// y = act(gate) * up, row by row; shapes as in kernels/swiglu.h.
///
/// Activation::share(z) is the s of act(z) = z s, and Activation::times_slope(c, z, s) is
/// c * d act / d z.
template <class Activation, class T>
void gated(View<T const, 2> gate_up, View<T, 2> y) {
    std::int64_t const width = y.shape[1];
    parallel_rows(y.shape[0], 4 * width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
            T const* const gate = gate_up.data + n * 2 * width;
            T const* const up = gate + width;
            T* const row = y.data + n * width;
#pragma omp simd
            for (std::int64_t f = 0; f < width; ++f) {
                float const z = to_float(gate[f]);
                row[f] = from_float<T>(z * Activation::share(z) * to_float(up[f]));
            }
        }
    });
}

template <class Activation, class T>
void gated_backward(View<T const, 2> gate_up, View<T const, 2> dy, View<T, 2> dgate_up) {
    std::int64_t const width = dy.shape[1];
    parallel_rows(dy.shape[0], 6 * width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
            T const* const gate = gate_up.data + n * 2 * width;
            T const* const up = gate + width;
            T const* const gradient = dy.data + n * width;
            T* const dgate = dgate_up.data + n * 2 * width;
            T* const dup = dgate + width;
#pragma omp simd
            for (std::int64_t f = 0; f < width; ++f) {
                float const z = to_float(gate[f]);
                float const s = Activation::share(z);
                float const g = to_float(gradient[f]);
                float const u = to_float(up[f]);
                dgate[f] = from_float<T>(Activation::times_slope(g * u, z, s));
                dup[f] = from_float<T>(g * z * s);
            }
        }
    });
}

}  // namespace isogloss::cpu

// kernels/swiglu_cpu.cpp
#include "kernels/backend.h"
#include "kernels/parallel.h"
#include "kernels/vector_math.h"

namespace isogloss::cpu {
namespace {

float sigmoid(float z) {
    return 1.0F / (1.0F + exp_fast(-z));
}

}  // namespace

template <class T>
void swiglu(View<T const, 2> gate_up, View<T, 2> y, Stream /*stream*/) {
    std::int64_t const width = y.shape[1];
    parallel_rows(y.shape[0], 4 * width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
            T const* const gate = gate_up.data + n * 2 * width;
            T const* const up = gate + width;
            T* const row = y.data + n * width;
#pragma omp simd
            for (std::int64_t f = 0; f < width; ++f) {
                float const z = to_float(gate[f]);
                row[f] = from_float<T>(z * sigmoid(z) * to_float(up[f]));
            }
        }
    });
}

template <class T>
void swiglu_backward(
    View<T const, 2> gate_up, View<T const, 2> dy, View<T, 2> dgate_up, Stream /*stream*/
) {
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
                float const s = sigmoid(z);
                float const g = to_float(gradient[f]);
                float const u = to_float(up[f]);
                dgate[f] = from_float<T>(g * u * s * (1.0F + z * (1.0F - s)));
                dup[f] = from_float<T>(g * z * s);
            }
        }
    });
}

template decltype(swiglu<float>) swiglu<float>;
template decltype(swiglu<bf16>) swiglu<bf16>;
template decltype(swiglu_backward<float>) swiglu_backward<float>;
template decltype(swiglu_backward<bf16>) swiglu_backward<bf16>;

}  // namespace isogloss::cpu

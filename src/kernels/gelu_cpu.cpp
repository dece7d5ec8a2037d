// kernels/gelu_cpu.cpp
#include "kernels/backend.h"
#include "kernels/gated_cpu.h"
#include "kernels/parallel.h"
#include "kernels/vector_math.h"

namespace isogloss::cpu {
namespace {

constexpr float kTwiceRoot = 1.59576912F;  // 2 sqrt(2 / pi)
constexpr float kCubic = 0.044715F;

struct Gelu {
    /// 1 / (1 + exp(-2u)), the share of z that gelu passes on.
    static float share(float z) {
        return 1.0F / (1.0F + exp_fast(-kTwiceRoot * (z + kCubic * z * z * z)));
    }
    static float times_slope(float c, float z, float s) {
        float const slope_of_2u = kTwiceRoot * (1.0F + 3.0F * kCubic * z * z);
        return c * (s + z * s * (1.0F - s) * slope_of_2u);
    }
};

}  // namespace

template <class T>
void gelu(View<T const, 2> x, View<T, 2> y, Stream /*stream*/) {
    parallel_parts(x.size(), 4, 64, [&](std::int64_t begin, std::int64_t end) {
#pragma omp simd
        for (std::int64_t i = begin; i < end; ++i) {
            float const z = to_float(x.data[i]);
            y.data[i] = from_float<T>(z * Gelu::share(z));
        }
    });
}

template <class T>
void gelu_backward(View<T const, 2> x, View<T const, 2> dy, View<T, 2> dx, Stream /*stream*/) {
    parallel_parts(x.size(), 6, 64, [&](std::int64_t begin, std::int64_t end) {
#pragma omp simd
        for (std::int64_t i = begin; i < end; ++i) {
            float const z = to_float(x.data[i]);
            dx.data[i] = from_float<T>(Gelu::times_slope(to_float(dy.data[i]), z, Gelu::share(z)));
        }
    });
}

template <class T>
void geglu(View<T const, 2> gate_up, View<T, 2> y, Stream /*stream*/) {
    gated<Gelu>(gate_up, y);
}

template <class T>
void geglu_backward(
    View<T const, 2> gate_up, View<T const, 2> dy, View<T, 2> dgate_up, Stream /*stream*/
) {
    gated_backward<Gelu>(gate_up, dy, dgate_up);
}

template decltype(gelu<float>) gelu<float>;
template decltype(gelu<bf16>) gelu<bf16>;
template decltype(gelu_backward<float>) gelu_backward<float>;
template decltype(gelu_backward<bf16>) gelu_backward<bf16>;
template decltype(geglu<float>) geglu<float>;
template decltype(geglu<bf16>) geglu<bf16>;
template decltype(geglu_backward<float>) geglu_backward<float>;
template decltype(geglu_backward<bf16>) geglu_backward<bf16>;

}  // namespace isogloss::cpu

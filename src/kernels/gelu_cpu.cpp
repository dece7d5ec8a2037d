// kernels/gelu_cpu.cpp
#include "kernels/backend.h"
#include "kernels/parallel.h"
#include "kernels/vector_math.h"

namespace isogloss::cpu {
namespace {

constexpr float kTwiceRoot = 1.59576912F;  // 2 sqrt(2 / pi)
constexpr float kCubic = 0.044715F;

/// 1 / (1 + exp(-2u)), the share of z that gelu passes on.
float share_of(float z) {
    return 1.0F / (1.0F + exp_fast(-kTwiceRoot * (z + kCubic * z * z * z)));
}

/// d gelu / d z, where `share` is share_of(z).
float slope_of(float z, float share) {
    float const slope_of_2u = kTwiceRoot * (1.0F + 3.0F * kCubic * z * z);
    return share + z * share * (1.0F - share) * slope_of_2u;
}

}  // namespace

template <class T>
void gelu(View<T const, 2> x, View<T, 2> y, Stream /*stream*/) {
    parallel_parts(x.size(), 4, 64, [&](std::int64_t begin, std::int64_t end) {
#pragma omp simd
        for (std::int64_t i = begin; i < end; ++i) {
            float const z = to_float(x.data[i]);
            y.data[i] = from_float<T>(z * share_of(z));
        }
    });
}

template <class T>
void gelu_backward(View<T const, 2> x, View<T const, 2> dy, View<T, 2> dx, Stream /*stream*/) {
    parallel_parts(x.size(), 6, 64, [&](std::int64_t begin, std::int64_t end) {
#pragma omp simd
        for (std::int64_t i = begin; i < end; ++i) {
            float const z = to_float(x.data[i]);
            dx.data[i] = from_float<T>(to_float(dy.data[i]) * slope_of(z, share_of(z)));
        }
    });
}

template <class T>
void geglu(View<T const, 2> gate_up, View<T, 2> y, Stream /*stream*/) {
    std::int64_t const width = y.shape[1];
    parallel_rows(y.shape[0], 4 * width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
            T const* const gate = gate_up.data + n * 2 * width;
            T const* const up = gate + width;
            T* const row = y.data + n * width;
#pragma omp simd
            for (std::int64_t f = 0; f < width; ++f) {
                float const z = to_float(gate[f]);
                row[f] = from_float<T>(z * share_of(z) * to_float(up[f]));
            }
        }
    });
}

template <class T>
void geglu_backward(
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
                float const share = share_of(z);
                float const g = to_float(gradient[f]);
                float const u = to_float(up[f]);
                dgate[f] = from_float<T>(g * u * slope_of(z, share));
                dup[f] = from_float<T>(g * z * share);
            }
        }
    });
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

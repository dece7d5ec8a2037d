// moe/shared_gate_cpu.cpp
#include <cmath>

#include "kernels/parallel.h"
#include "moe/shared_gate.h"

namespace isogloss::cpu {
namespace {

template <class T>
float dot(T const* left, T const* right, std::int64_t width) {
    float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t d = 0; d < width; ++d) {
        sum += to_float(left[d]) * to_float(right[d]);
    }
    return sum;
}

}  // namespace

template <class T>
void shared_gate(View<T const, 2> x, View<T const, 2> weight, View<float, 1> gate) {
    auto const width = x.shape[1];
    parallel_rows(x.shape[0], width, [&](std::int64_t begin, std::int64_t end) {
        for (auto n = begin; n < end; ++n) {
            float const score = dot(x.data + n * width, weight.data, width);
            gate.data[n] = 1.0F / (1.0F + std::exp(-score));
        }
    });
}

template <class T>
void add_gated(View<T const, 2> z, View<float const, 1> gate, View<T, 2> y) {
    auto const width = z.shape[1];
    parallel_rows(z.shape[0], width, [&](std::int64_t begin, std::int64_t end) {
        for (auto n = begin; n < end; ++n) {
            T const* const from = z.data + n * width;
            T* const to = y.data + n * width;
            float const share = gate.data[n];
#pragma omp simd
            for (std::int64_t d = 0; d < width; ++d) {
                to[d] = from_float<T>(to_float(to[d]) + share * to_float(from[d]));
            }
        }
    });
}

template <class T>
void shared_gate_backward(
    View<T const, 2> dy, GatedRows<T> const& rows, View<T, 2> dz, View<float, 1> dscore
) {
    auto const width = dy.shape[1];
    parallel_rows(dy.shape[0], width, [&](std::int64_t begin, std::int64_t end) {
        for (auto n = begin; n < end; ++n) {
            T const* const from = dy.data + n * width;
            T* const to = dz.data + n * width;
            float const share = rows.gate.data[n];
            dscore.data[n] = share * (1.0F - share) * dot(from, rows.z.data + n * width, width);
#pragma omp simd
            for (std::int64_t d = 0; d < width; ++d) {
                to[d] = from_float<T>(share * to_float(from[d]));
            }
        }
    });
}

template <class T>
void add_shared_input(
    View<T const, 2> part, View<float const, 1> dscore, View<T const, 2> weight, View<T, 2> dx
) {
    auto const width = part.shape[1];
    parallel_rows(part.shape[0], width, [&](std::int64_t begin, std::int64_t end) {
        for (auto n = begin; n < end; ++n) {
            T const* const from = part.data + n * width;
            T* const to = dx.data + n * width;
            float const slope = dscore.data[n];
#pragma omp simd
            for (std::int64_t d = 0; d < width; ++d) {
                auto const more = to_float(from[d]) + slope * to_float(weight.data[d]);
                to[d] = from_float<T>(to_float(to[d]) + more);
            }
        }
    });
}

template decltype(shared_gate<float>) shared_gate<float>;
template decltype(shared_gate<bf16>) shared_gate<bf16>;
template decltype(add_gated<float>) add_gated<float>;
template decltype(add_gated<bf16>) add_gated<bf16>;
template decltype(shared_gate_backward<float>) shared_gate_backward<float>;
template decltype(shared_gate_backward<bf16>) shared_gate_backward<bf16>;
template decltype(add_shared_input<float>) add_shared_input<float>;
template decltype(add_shared_input<bf16>) add_shared_input<bf16>;

}  // namespace isogloss::cpu

// kernels/rotary_cpu.cpp
#include "base/require.h"
#include "kernels/backend.h"
#include "kernels/parallel.h"

namespace isogloss::cpu {
namespace {

/// Turns the pairs (i, i + half) of one head; sign is 1 forward, -1 back.
template <class T>
void turn_head(T* head, float const* cosine, float const* sine, float sign, std::int64_t half) {
    T* const second = head + half;
#pragma omp simd
    for (std::int64_t i = 0; i < half; ++i) {
        float const a = to_float(head[i]);
        float const b = to_float(second[i]);
        float const s = sign * sine[i];
        head[i] = from_float<T>(a * cosine[i] - b * s);
        second[i] = from_float<T>(b * cosine[i] + a * s);
    }
}

}  // namespace

template <class T>
void rotary(
    View<T, 3> qkv,
    std::int64_t num_rotated,
    View<std::int32_t const, 1> position,
    View<float const, 2> cosine,
    View<float const, 2> sine,
    Rotation rotation,
    Stream /*stream*/
) {
    auto const [tokens, heads, width] = qkv.shape;
    std::int64_t const half = width / 2;
    for (std::int64_t n = 0; n < tokens; ++n) {
        require(
            position.data[n] >= 0 && position.data[n] < cosine.shape[0],
            "rotary: position[{}] is {}; the table has {} positions", n, position.data[n],
            cosine.shape[0]
        );
    }
    std::int64_t const stride = heads * width;
    float const sign = rotation == Rotation::forward ? 1.0F : -1.0F;
    parallel_rows(tokens, num_rotated * width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
            std::int64_t const row = position.data[n] * half;
            for (std::int64_t h = 0; h < num_rotated; ++h) {
                T* const head = qkv.data + n * stride + h * 2 * half;
                turn_head(head, cosine.data + row, sine.data + row, sign, half);
            }
        }
    });
}

template decltype(rotary<float>) rotary<float>;
template decltype(rotary<bf16>) rotary<bf16>;

}  // namespace isogloss::cpu

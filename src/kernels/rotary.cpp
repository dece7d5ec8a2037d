// kernels/rotary.cpp
#include "kernels/rotary.h"

#include <cmath>

#include "kernels/backend.h"
#include "kernels/checks.h"

namespace isogloss {

void rotary_table(std::span<double const> frequency, View<float, 2> cosine, View<float, 2> sine) {
    auto const [positions, half] = cosine.shape;
    require_shape("rotary_table: sine", sine, cosine.shape);
    require(
        cosine.device == Device::cpu && sine.device == Device::cpu,
        "rotary_table: the tables must lie on the host"
    );
    require(
        static_cast<std::int64_t>(frequency.size()) == half,
        "rotary_table: {} frequencies for {} pairs", frequency.size(), half
    );
    for (std::int64_t i = 0; i < half; ++i) {
        for (std::int64_t p = 0; p < positions; ++p) {
            double const angle = static_cast<double>(p) * frequency[static_cast<std::size_t>(i)];
            cosine.data[p * half + i] = static_cast<float>(std::cos(angle));
            sine.data[p * half + i] = static_cast<float>(std::sin(angle));
        }
    }
}

template <class T>
void rotary(
    View<T, 3> qkv,
    std::int64_t num_rotated,
    View<std::int32_t const, 1> position,
    View<float const, 2> cosine,
    View<float const, 2> sine,
    Rotation rotation,
    Stream stream
) {
    auto const [tokens, heads, width] = qkv.shape;
    require(width % 2 == 0, "rotary: the head width is {}; it must be even", width);
    require(
        num_rotated >= 0 && num_rotated <= heads, "rotary: {} of {} heads to be turned",
        num_rotated, heads
    );
    require_shape("rotary: position", position, {tokens});
    require_shape("rotary: cosine", cosine, {cosine.shape[0], width / 2});
    require_shape("rotary: sine", sine, cosine.shape);
    require_one_device("rotary", qkv, position, cosine, sine);
    switch (qkv.device) {
        case Device::cpu:
            return cpu::rotary(qkv, num_rotated, position, cosine, sine, rotation, stream);
        case Device::cuda:
            return cuda::rotary(qkv, num_rotated, position, cosine, sine, rotation, stream);
    }
}

template decltype(rotary<float>) rotary<float>;
template decltype(rotary<bf16>) rotary<bf16>;

}  // namespace isogloss

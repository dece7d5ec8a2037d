// device/bf16.h - the upper half of a float: 8 bits of exponent, 7 of mantissa.
#pragma once

#include <bit>
#include <cstdint>

namespace isogloss {

/// Stored, never computed with: kernels widen to float, and narrow by rounding to nearest even.
struct bf16 {
    std::uint16_t bits = 0;

    constexpr bool operator==(bf16 const&) const = default;
};

inline float to_float(bf16 x) {
    return std::bit_cast<float>(std::uint32_t{x.bits} << 16U);
}
inline float to_float(float x) {
    return x;
}

template <class T>
T from_float(float x);

template <>
inline float from_float<float>(float x) {
    return x;
}

/// NaN stays NaN: its mantissa is not rounded away. One way out, so that loops of it vectorise.
template <>
inline bf16 from_float<bf16>(float x) {
    auto const bits = std::bit_cast<std::uint32_t>(x);
    bool const is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
    std::uint32_t const rounded = bits + 0x7FFFU + ((bits >> 16U) & 1U);
    std::uint32_t const kept = is_nan ? bits | 0x00400000U : rounded;
    return {static_cast<std::uint16_t>(kept >> 16U)};
}

}  // namespace isogloss

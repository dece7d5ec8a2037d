// kernels/vector_math.h - exp written so that the compiler turns a loop of it into vector code.
#pragma once

#include <bit>
#include <cstdint>

namespace isogloss::cpu {

/// e^x, with a relative error of at most 2^-22 for x in [-87.3, 88] (tests/kernels/
/// vector_math_test.cpp measures it). Outside, x is taken as the nearer end: never 0, never
/// infinite. NaN stays NaN.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2; e^r = 1 + r + r^2 p(r), p of degree 4, the minimax fit of
/// the relative error (7e-9).
inline float exp_fast(float x) {
    constexpr float kLowest = -87.33F;
    constexpr float kHighest = 88.0F;
    constexpr float kLog2E = 1.44269504F;
    constexpr float kLn2High = 0.693359375F;  // 9 bits, so that n * kLn2High is exact
    constexpr float kLn2Low = -2.12194440e-4F;
    constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
    x = x < kLowest ? kLowest : x;
    x = x > kHighest ? kHighest : x;
    float const rounded = x * kLog2E + kRound;
    float const n = rounded - kRound;
    float const r = (x - n * kLn2High) - n * kLn2Low;
    float p = 1.38144672e-3F;
    p = p * r + 8.36878084e-3F;
    p = p * r + 4.16683927e-2F;
    p = p * r + 0.166665196F;
    p = p * r + 0.49999994F;
    auto const whole = std::bit_cast<std::int32_t>(rounded) - std::bit_cast<std::int32_t>(kRound);
    return (p * (r * r) + r + 1.0F) * std::bit_cast<float>((whole + 127) << 23);
}

}  // namespace isogloss::cpu

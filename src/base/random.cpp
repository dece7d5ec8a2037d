// base/random.cpp
#include "base/random.h"

#include <array>
#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

#include "base/require.h"

namespace isogloss {
namespace {

struct Product {
    std::uint32_t high;
    std::uint32_t low;
};

Product multiply(std::uint32_t a, std::uint32_t b) {
    auto const wide = std::uint64_t{a} * b;
    return {static_cast<std::uint32_t>(wide >> 32U), static_cast<std::uint32_t>(wide)};
}

std::array<std::uint32_t, 4> philox(
    std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key
) {
    constexpr int kRounds = 10;
    for (int round = 0; round < kRounds; ++round) {
        auto const even = multiply(0xD2511F53U, counter[0]);
        auto const odd = multiply(0xCD9E8D57U, counter[2]);
        counter = {
            odd.high ^ counter[1] ^ key[0], odd.low, even.high ^ counter[3] ^ key[1], even.low};
        key[0] += 0x9E3779B9U;
        key[1] += 0xBB67AE85U;
    }
    return counter;
}

constexpr std::uint32_t low_half(std::uint64_t x) {
    return static_cast<std::uint32_t>(x);
}
constexpr std::uint32_t high_half(std::uint64_t x) {
    return static_cast<std::uint32_t>(x >> 32U);
}

}  // namespace

std::uint64_t random_bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
    auto const word = philox(
        {low_half(index), high_half(index), low_half(stream), high_half(stream)},
        {low_half(seed), high_half(seed)}
    );
    return std::uint64_t{word[1]} << 32U | word[0];
}

double random_uniform(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
    return static_cast<double>(random_bits(seed, stream, index) >> 11U) * 0x1.0p-53;
}

double random_normal(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
    auto const bits = random_bits(seed, stream, index);
    // (0, 1] for the logarithm, [0, 1) for the angle; 32 bits each are plenty for initial weights.
    double const radius = (static_cast<double>(high_half(bits)) + 1.0) * 0x1.0p-32;
    double const angle = static_cast<double>(low_half(bits)) * 0x1.0p-32;
    return std::sqrt(-2.0 * std::log(radius)) * std::cos(2.0 * std::numbers::pi * angle);
}

std::uint64_t random_stream(std::string_view name) {
    std::uint64_t hash = 0xCBF29CE484222325U;
    for (char const c : name) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
    }
    return hash;
}

std::int64_t random_permutation(
    std::uint64_t seed, std::uint64_t stream, std::int64_t size, std::int64_t index
) {
    require(
        0 <= index && index < size, "random_permutation: index {} is outside [0, {})", index, size
    );
    constexpr int kRounds = 4;
    auto const bits = std::bit_width(static_cast<std::uint64_t>(size - 1));
    auto const half = static_cast<unsigned>((bits + 1) / 2);
    auto const mask = (std::uint64_t{1} << half) - 1;
    auto value = static_cast<std::uint64_t>(index);
    do {  // at most 4 domain elements an element of [0, size), so the walk is short
        std::uint64_t left = value >> half;
        std::uint64_t right = value & mask;
        for (std::uint64_t round = 0; round < kRounds; ++round) {
            auto const mixed = random_bits(seed, stream, round << 60U | right);
            left = std::exchange(right, (left ^ mixed) & mask);
        }
        value = left << half | right;
    } while (value >= static_cast<std::uint64_t>(size));
    return static_cast<std::int64_t>(value);
}

}  // namespace isogloss

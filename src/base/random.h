// base/random.h - counter-based random numbers: value = f(seed, stream, index), no state.
#pragma once

#include <cstdint>
#include <string_view>

namespace isogloss {

/// 64 random bits, the same for the same three numbers on every machine and in every order.
///
/// Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") with key
/// `seed` and counter (index, stream).
std::uint64_t random_bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t index);

/// Uniform in [0, 1), 53 bits.
double random_uniform(std::uint64_t seed, std::uint64_t stream, std::uint64_t index);

/// Standard normal, by Box and Muller from one pair of uniforms.
double random_normal(std::uint64_t seed, std::uint64_t stream, std::uint64_t index);

/// A stream number for a name ("layers.3.router.weight"), so that streams do not collide by
/// accident: the 64-bit FNV-1a hash.
std::uint64_t random_stream(std::string_view name);

/// Where `index` goes in a random permutation of [0, size): a bijection for each (seed, stream),
/// computed without a table (a four-round Feistel network with cycle walking).
std::int64_t random_permutation(
    std::uint64_t seed, std::uint64_t stream, std::int64_t size, std::int64_t index
);

}  // namespace isogloss

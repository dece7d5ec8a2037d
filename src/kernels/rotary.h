// kernels/rotary.h - rotary position embedding of queries and keys, in place.
#pragma once

#include <span>

#include "device/view.h"

namespace isogloss {

/// cosine[p, i] = cos(p * frequency[i]), sine likewise, i in [0, W/2).   [positions, W/2], host.
///
/// Computed in double, stored in float.
/// @param frequency  [W/2] of rotary_frequencies
void rotary_table(std::span<double const> frequency, View<float, 2> cosine, View<float, 2> sine);

enum class Rotation : std::uint8_t { forward, inverse };

/// Turns the first `num_rotated` heads of each row of qkv (queries, then keys; values stay):
/// pairs (i, i + W/2) of a head by the angle of the row's position, as Llama checkpoints expect.
/// The inverse is the backward pass.
///
/// @param qkv       [N, heads, W]: queries, keys and values of a token side by side
/// @param position  [N] index of the token in its document, in [0, rows of the table)
template <class T>
void rotary(
    View<T, 3> qkv,
    std::int64_t num_rotated,
    View<std::int32_t const, 1> position,
    View<float const, 2> cosine,
    View<float const, 2> sine,
    Rotation rotation,
    Stream stream
);

}  // namespace isogloss

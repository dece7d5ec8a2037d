// kernels/alibi.h - attention scores that fall with the distance: the slopes of the heads.
#pragma once

#include <cstdint>
#include <vector>

namespace isogloss {

/// Slope of each of H heads; the score of a query at a key d tokens before it falls by slope * d.
///
///     2^(-8h / P), h = 1 .. P       P the largest power of two in H
///
/// then, for the heads beyond P, every other slope of 2P heads, from the first: as Bloom has them.
/// Press et al., "Train Short, Test Long", arXiv:2108.12409, section 3.
std::vector<float> alibi_slopes(std::int64_t heads);

}  // namespace isogloss

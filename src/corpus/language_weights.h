// corpus/language_weights.h - how often each language is drawn: rules from sizes to shares.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace isogloss {

/// w_l = n_l^(1/temperature) / sum over languages: 1 gives each language its size, large values
/// make all equal (Arivazhagan et al. 2019, arXiv:1907.05019, section 4.1).
/// @param tokens       [L] n_l >= 0; a language of 0 gets weight 0
/// @param temperature  > 0
/// @throws Error  (usage)
std::vector<double> temperature_weights(std::span<std::int64_t const> tokens, double temperature);

/// w_l = s_l^alpha / sum over languages: sampling by size, flattened (DMoE: bytes of text, alpha
/// 0.3).
/// @param sizes  [L] s_l >= 0; a language of 0 gets weight 0
/// @param alpha  in [0, 1]; 0 makes all equal
/// @throws Error  (usage)
std::vector<double> power_weights(std::span<double const> sizes, double alpha);

/// UniMax (Chung et al. 2023, arXiv:2304.09151, algorithm 1): the same number of rows for each
/// language, but none more than `epochs` times its text. From the smallest language to the
/// largest, each gets min(rows left / languages left, epochs * size_l); w_l is its part of the sum.
///
/// Where `rows` is above epochs * sum(size_l) every language is at the cap, and the weights are
/// those of the sizes.
/// @param sizes   [L] rows that one epoch of a language gives, >= 0; a language of 0 gets weight 0
/// @param rows    > 0, that the run draws in all
/// @param epochs  > 0
/// @throws Error  (usage)
std::vector<double> unimax_weights(std::span<double const> sizes, double rows, double epochs);

/// Gives the languages marked old together the share `share` in [0, 1], the others the rest, and
/// keeps the proportions inside both.
/// @param weights  [L] not negative
/// @param old      [L] not 0: an old language
/// @throws Error  (usage) when a side that should have a share has no weight
std::vector<double> replay_weights(
    std::span<double const> weights, std::span<std::uint8_t const> old, double share
);

/// Sum of weights.
/// @throws Error  (usage) when one is negative or not finite, or all are 0
double sum_of_weights(std::span<double const> weights);

}  // namespace isogloss

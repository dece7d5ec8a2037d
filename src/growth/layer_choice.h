// growth/layer_choice.h - which layers get experts: those that single languages change most.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"

namespace isogloss {

/// What a short training on one language each changed: n[x][l] is the 2-norm of the change of the
/// feed-forward matrices of layer l by language x.
struct LanguageDeviations {
    std::vector<std::string> languages;      ///< in the file's order
    std::vector<std::vector<double>> norms;  ///< [languages][L], finite, >= 0
};

/// Reads {"ar": {"delta_norm_ffn": [one norm a layer], ...}, ...}. Other keys of a language are
/// passed over, and so are entries of the file that are texts or numbers.
/// @param languages  those to read, in any order; empty: all
/// @throws Error  (usage) when one of `languages` is not in the file or is named twice; (data)
///         with language and layer for a norm that is missing, negative or not finite
LanguageDeviations deviation_norms_from_json(
    Json const& value, std::string const& where, std::vector<std::string> const& languages = {}
);

/// How much each layer is changed, over all languages alike:
///     m_l = mean over x of n[x][l],   z_l = (m_l - min m) / (max m - min m)
/// (DMoE, arXiv:2506.12388; log/delta-stat/stat.py of its release).
struct LayerDeviation {
    std::vector<double> mean;        ///< m [L]
    std::vector<double> normalised;  ///< z [L], in [0, 1]
};

/// @throws Error  (data) when all layers changed alike, where z is not defined
LayerDeviation layer_deviation(LanguageDeviations const& deviation);

/// Layers with z_l >= threshold, ascending: the rule of the released code.
/// @throws Error  (usage) when threshold is not in [0, 1]
std::vector<std::int32_t> layers_from_threshold(std::span<double const> z, double threshold);

/// The `count` layers of highest z, ascending; of equal ones the lower: the words of the paper.
/// @throws Error  (usage) when count is not in [1, L]
std::vector<std::int32_t> highest_layers(std::span<double const> z, std::int32_t count);

/// The sum of 2^l over the layers, in decimal digits: exact for any number of layers.
std::string layer_mask(std::span<std::int32_t const> layers);

/// The mask as JSON: a number in a model of up to 64 layers, else the text of layer_mask().
Json layer_mask_json(std::span<std::int32_t const> layers, std::size_t num_layers);

}  // namespace isogloss

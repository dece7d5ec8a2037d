// growth/layer_choice.cpp
#include "growth/layer_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/require.h"
#include "growth/layer_list.h"
#include "growth/measurement.h"

namespace isogloss {
namespace {

constexpr char const* kKey = "delta_norm_ffn";

// Equal up to the rounding of a sum: their difference says nothing.
constexpr double kLeastContrast = 1e-12;

std::vector<std::string> languages_of(Json const& value, std::string const& where) {
    require_data(
        value.is_object(), "{}: must be an object, language -> {{\"{}\": [one norm a layer]}}",
        where, kKey
    );
    std::vector<std::string> languages;
    for (auto const& [language, entry] : value.items()) {
        if (!entry.is_string() && !entry.is_number()) {
            languages.push_back(language);
        }
    }
    require_data(
        !languages.empty(), "{}: has no language; run `isogloss group probe` again", where
    );
    return languages;
}

std::vector<std::string> chosen_languages(
    std::vector<std::string> const& there,
    std::vector<std::string> const& wanted,
    std::string const& where
) {
    if (wanted.empty()) {
        return there;
    }
    std::vector<std::string> missing;
    for (auto const& language : wanted) {
        if (std::ranges::find(there, language) == there.end()) {
            missing.push_back("\"" + language + "\"");
        }
        require_usage(
            std::ranges::count(wanted, language) == 1, "languages: \"{}\" is named twice", language
        );
    }
    require_usage(
        missing.empty(), "languages: {} has no {}; it has {}", where, fmt::join(missing, ", "),
        fmt::join(there, " ")
    );
    auto chosen = there;
    std::erase_if(chosen, [&](std::string const& language) {
        return std::ranges::find(wanted, language) == wanted.end();
    });
    return chosen;
}

std::vector<double> norms_of(Json const& entry, std::string const& place) {
    require_data(
        entry.is_object() && entry.contains(kKey),
        "{}: has no \"{}\", a list of one norm a layer; probe the language again or leave it out "
        "by --languages",
        place, kKey
    );
    auto norms = finite_numbers(entry[kKey], place, "layer");
    for (std::size_t layer = 0; layer < norms.size(); ++layer) {
        require_data(
            norms[layer] >= 0.0, "{}, layer {}: a norm of {} is negative; probe the language again",
            place, layer, norms[layer]
        );
    }
    return norms;
}

}  // namespace

LanguageDeviations deviation_norms_from_json(
    Json const& value, std::string const& where, std::vector<std::string> const& languages
) {
    LanguageDeviations deviation;
    deviation.languages = chosen_languages(languages_of(value, where), languages, where);
    for (auto const& language : deviation.languages) {
        auto const place = fmt::format("{}: language \"{}\"", where, language);
        deviation.norms.push_back(norms_of(value[language], place));
        auto const& first = deviation.norms.front();
        auto const& last = deviation.norms.back();
        require_data(
            first.size() == last.size(),
            "{} has {} layers and \"{}\" has {}: probe all languages from one base model", place,
            last.size(), deviation.languages.front(), first.size()
        );
    }
    return deviation;
}

LayerDeviation layer_deviation(LanguageDeviations const& deviation) {
    require(!deviation.norms.empty(), "there are no deviations to average");
    LayerDeviation result;
    auto const num_languages = static_cast<double>(deviation.norms.size());
    for (std::size_t layer = 0; layer < deviation.norms.front().size(); ++layer) {
        double sum = 0.0;
        for (auto const& norms : deviation.norms) {
            sum += norms.at(layer);
        }
        result.mean.push_back(sum / num_languages);
    }
    auto const [low, high] = std::ranges::minmax(result.mean);
    require_data(
        high - low > kLeastContrast * high,
        "all {} layers have the same mean deviation, {}: nothing tells them apart; probe with more "
        "steps or a higher learning rate, or name the layers of `isogloss upcycle` yourself",
        result.mean.size(), high
    );
    for (auto const mean : result.mean) {
        result.normalised.push_back((mean - low) / (high - low));
    }
    return result;
}

std::vector<std::int32_t> layers_from_threshold(std::span<double const> z, double threshold) {
    require_usage(
        threshold >= 0.0 && threshold <= 1.0,
        "threshold = {}: must lie in [0, 1], where 1 chooses the most changed layer alone",
        threshold
    );
    std::vector<std::int32_t> layers;
    for (std::size_t layer = 0; layer < z.size(); ++layer) {
        if (z[layer] >= threshold) {
            layers.push_back(static_cast<std::int32_t>(layer));
        }
    }
    return layers;
}

std::vector<std::int32_t> highest_layers(std::span<double const> z, std::int32_t count) {
    require_usage(
        count >= 1 && static_cast<std::size_t>(count) <= z.size(),
        "layers = {}: must lie in [1, {}], the layers of the model", count, z.size()
    );
    return top_layers(z, count);
}

std::string layer_mask(std::span<std::int32_t const> layers) {
    std::string digits = "0";  // the last one first
    auto const highest = layers.empty() ? -1 : std::ranges::max(layers);
    for (std::int32_t layer = highest; layer >= 0; --layer) {
        int carry = std::ranges::find(layers, layer) != layers.end() ? 1 : 0;
        for (auto& digit : digits) {
            auto const doubled = 2 * (digit - '0') + carry;
            digit = static_cast<char>('0' + doubled % 10);
            carry = doubled / 10;
        }
        if (carry > 0) {
            digits += '1';
        }
    }
    std::ranges::reverse(digits);
    return digits;
}

Json layer_mask_json(std::span<std::int32_t const> layers, std::size_t num_layers) {
    auto const text = layer_mask(layers);
    return num_layers <= 64 ? Json(std::uint64_t{std::strtoull(text.c_str(), nullptr, 10)})
                            : Json(text);
}

}  // namespace isogloss

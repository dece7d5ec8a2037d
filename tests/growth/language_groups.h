// growth/language_groups.h - a published matrix, made matrices, and groups by their tags.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "base/random.h"
#include "growth/clustering.h"

namespace isogloss::test {

/// Similarities of 18 languages in the last three layers of Bloom-560M, to two decimals, as DMoE's
/// authors drew them.
inline LanguageDistances published_distances() {
    std::istringstream text(
        "ar bn de fr hi id it ja ko nl ru ta te th uk ur vi zh "
        ".08 "
        ".02 .01 "
        ".08 .05 .09 "
        ".12 .14 .03 .08 "
        ".09 .07 .05 .14 .14 "
        ".02 .01 .05 .08 .02 .05 "
        ".01 .01 .02 .03 .02 .02 .01 "
        ".02 .02 .01 .02 .02 .02 .01 .03 "
        ".01 .01 .10 .06 .02 .04 .05 .01 .01 "
        ".02 .02 .02 .04 .02 .03 .02 .01 .02 .02 "
        ".08 .10 .01 .04 .16 .07 .02 .01 .02 .01 .02 "
        ".05 .08 .01 .02 .12 .05 .01 .00 .02 .01 .01 .19 "
        ".01 .01 .01 .01 .02 .01 .01 .02 .03 .01 .02 .01 .01 "
        ".02 .02 .02 .02 .02 .02 .02 .01 .02 .01 .30 .02 .01 .01 "
        ".11 .09 .01 .03 .13 .07 .01 .01 .02 .01 .01 .08 .06 .01 .01 "
        ".09 .06 .04 .15 .09 .15 .04 .03 .03 .03 .03 .05 .04 .01 .02 .05 "
        ".07 .05 .03 .09 .07 .07 .02 .07 .04 .03 .02 .05 .03 .02 .01 .04 .12"
    );
    std::vector<std::string> languages(18);
    for (auto& language : languages) {
        text >> language;
    }
    std::vector<double> cells(18 * 18, 1.0);
    for (std::size_t row = 1; row < 18; ++row) {
        for (std::size_t column = 0; column < row; ++column) {
            text >> cells[row * 18 + column];
            cells[column * 18 + row] = cells[row * 18 + column];
        }
    }
    return {languages, cells};
}

/// Random similarities in [0, 1), whole multiples of 1/steps, so that few steps make many ties.
inline LanguageDistances random_distances(std::size_t size, std::uint64_t seed, int steps) {
    std::vector<std::string> languages;
    std::vector<double> cells(size * size, 1.0);
    for (std::size_t row = 0; row < size; ++row) {
        languages.push_back("l" + std::to_string(row));
        for (std::size_t column = 0; column < row; ++column) {
            auto const whole = static_cast<int>(random_uniform(seed, row, column) * steps);
            cells[row * size + column] = static_cast<double>(whole) / steps;
            cells[column * size + row] = cells[row * size + column];
        }
    }
    return {languages, cells};
}

/// "ar-bn de-fr": groups by the tags of their members, in order.
inline std::string tags(
    LanguageDistances const& distance, std::vector<LanguageGroup> const& groups
) {
    std::string text;
    for (auto const& group : groups) {
        text += text.empty() ? "" : " ";
        for (std::size_t i = 0; i < group.size(); ++i) {
            text += (i > 0 ? "-" : "") + distance.languages()[static_cast<std::size_t>(group[i])];
        }
    }
    return text;
}

}  // namespace isogloss::test

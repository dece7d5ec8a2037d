// train/given_weights.cpp
#include "train/given_weights.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "base/option_value.h"
#include "base/require.h"
#include "base/text.h"

namespace isogloss {
namespace {

void check_weight(std::string const& word, double weight, GivenWeights& given) {
    if (!(weight > 0.0) || !std::isfinite(weight)) {
        given.faults.push_back(fmt::format("data.weights: {}: every weight must be > 0", word));
    }
    given.weights.push_back(weight);
}

GivenWeights numbers_in_order(
    std::vector<std::string> const& words, std::vector<std::string> const& languages
) {
    GivenWeights given;
    for (auto const& word : words) {
        double weight = 0.0;
        if (!read_value(word, weight).empty()) {
            given.faults.push_back(fmt::format(
                "data.weights: \"{}\" is no TAG=WEIGHT: name the language of every weight", word
            ));
        } else {
            check_weight(word, weight, given);
        }
    }
    if (words.size() != languages.size()) {
        given.faults.push_back(fmt::format(
            "data.weights has {} numbers for {} languages: give one a language, or TAG=WEIGHT for "
            "each",
            words.size(), languages.size()
        ));
    }
    given.tags = languages;
    given.tags.resize(given.weights.size());
    return given;
}

// The languages that have no weight, and the weights that have no language.
void compare_tags(std::vector<std::string> const& languages, GivenWeights& given) {
    auto const missing_in = [](auto const& from, auto const& in) {
        std::vector<std::string> missing;
        std::ranges::copy_if(from, std::back_inserter(missing), [&](std::string const& tag) {
            return std::ranges::count(in, tag) == 0;
        });
        return missing;
    };
    auto const unnamed = missing_in(languages, given.tags);
    auto const unknown = missing_in(given.tags, languages);
    if (!unnamed.empty()) {
        given.faults.push_back(fmt::format(
            "data.weights has no weight for {}: give one, or leave the language out of "
            "data.languages",
            fmt::join(unnamed, ", ")
        ));
    }
    if (!unknown.empty()) {
        given.faults.push_back(fmt::format(
            "data.weights names {}: add it to data.languages, or leave the weight out",
            fmt::join(unknown, ", ")
        ));
    }
}

}  // namespace

GivenWeights read_given_weights(
    std::vector<std::string> const& words, std::vector<std::string> const& languages
) {
    if (std::ranges::none_of(words, [](auto const& word) {
            return word.find('=') < word.size();
        })) {
        return numbers_in_order(words, languages);
    }
    GivenWeights given;
    for (auto const& word : words) {
        auto const equals = std::min(word.find('='), word.size());
        auto const tag = word.substr(0, equals);
        double weight = 0.0;
        if (tag.empty() || equals == word.size() ||
            !read_value(word.substr(equals + 1), weight).empty()) {
            given.faults.push_back(fmt::format(
                "data.weights: \"{}\" is no TAG=WEIGHT: name the language of every weight", word
            ));
        } else if (std::ranges::count(given.tags, tag) > 0) {
            given.faults.push_back(fmt::format("data.weights: {} is named twice", tag));
        } else {
            check_weight(word, weight, given);
            given.tags.push_back(tag);
        }
    }
    if (!languages.empty()) {
        compare_tags(languages, given);
    }
    return given;
}

std::vector<std::string> words_of_file(std::vector<std::string> const& words) {
    if (words.size() != 1 || !words.front().starts_with('@')) {
        return words;
    }
    auto const path = words.front().substr(1);
    std::ifstream file(path);
    require_usage(file.is_open(), "data.weights: {} cannot be read", path);
    std::vector<std::string> found;
    int number = 0;
    for (std::string line; std::getline(file, line);) {
        ++number;
        line = line.substr(0, line.find('#'));
        std::ranges::replace(line, '=', ' ');
        std::istringstream parts(line);
        std::string tag;
        std::string weight;
        std::string more;
        parts >> tag >> weight >> more;
        require_usage(
            more.empty() && weight.empty() == tag.empty(),
            "data.weights: {}:{}: not a language and its weight", path, number
        );
        if (!tag.empty()) {
            found.push_back(tag + "=" + weight);
        }
    }
    require_usage(!found.empty(), "data.weights: {} has no weights", path);
    return found;
}

}  // namespace isogloss

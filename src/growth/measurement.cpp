// growth/measurement.cpp
#include "growth/measurement.h"

#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <string_view>

#include "base/require.h"

namespace isogloss {
namespace {

// The word for a number that is not finite at the beginning of `text`, or "".
std::string_view not_finite_word(std::string_view text) {
    constexpr std::array<std::string_view, 3> kWords{"NaN", "Infinity", "-Infinity"};
    for (auto const word : kWords) {
        if (text.starts_with(word)) {
            return word;
        }
    }
    return {};
}

std::string with_quoted_words(std::string_view text) {
    std::string quoted;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto const word = in_string ? std::string_view() : not_finite_word(text.substr(i));
        if (!word.empty()) {
            quoted.append("\"").append(word).append("\"");
            i += word.size() - 1;
            continue;
        }
        quoted += text[i];
        if (in_string && text[i] == '\\' && i + 1 < text.size()) {
            quoted += text[++i];
        } else if (text[i] == '"') {
            in_string = !in_string;
        }
    }
    return quoted;
}

}  // namespace

Json read_measurements(std::filesystem::path const& path) {
    std::ifstream file(path, std::ios::binary);
    require_data(
        file.is_open() && std::filesystem::is_regular_file(path),
        "{}: cannot be opened for reading; give a JSON file", path.string()
    );
    std::string const text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    auto value = Json::parse(text, nullptr, false, true);
    if (value.is_discarded()) {
        value = Json::parse(with_quoted_words(text), nullptr, false, true);
    }
    return value.is_discarded() ? read_json(path) : value;  // which says where the fault is
}

double finite_number(Json const& value, std::string const& where) {
    require_data(
        value.is_number() && std::isfinite(value.get<double>()),
        "{}: {} is no finite number; measure it again or leave it out", where,
        value.is_structured() ? value.type_name() : value.dump()
    );
    return value.get<double>();
}

std::vector<double> finite_numbers(Json const& value, std::string const& where, char const* what) {
    require_data(
        value.is_array() && !value.empty(), "{}: must be a list of numbers, one a {}", where, what
    );
    std::vector<double> numbers;
    numbers.reserve(value.size());
    for (auto const& element : value) {
        numbers.push_back(
            finite_number(element, fmt::format("{}, {} {}", where, what, numbers.size()))
        );
    }
    return numbers;
}

}  // namespace isogloss

// base/option_value.h - text to the value of an option, and back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/text.h"

namespace isogloss {

/// Reads `text` into `target` and returns ""; or leaves `target` and returns what was expected
/// ("a whole number"). value_text gives text that read_value reads back to the same value.
std::string read_value(std::string_view text, std::string& target);
std::string read_value(std::string_view text, std::filesystem::path& target);
std::string read_value(std::string_view text, std::int32_t& target);
std::string read_value(std::string_view text, std::int64_t& target);
std::string read_value(std::string_view text, std::uint64_t& target);
std::string read_value(std::string_view text, float& target);
std::string read_value(std::string_view text, double& target);
std::string read_value(std::string_view text, bool& target);

std::string value_text(std::string const& value);
std::string value_text(std::filesystem::path const& value);
std::string value_text(std::int32_t value);
std::string value_text(std::int64_t value);
std::string value_text(std::uint64_t value);
std::string value_text(float value);
std::string value_text(double value);
std::string value_text(bool value);

/// Comma lists: "en,zh,es". An empty text is an empty list.
template <class T>
std::string read_value(std::string_view text, std::vector<T>& target) {
    std::vector<T> values;
    for (auto const& part : split_at_commas(text)) {
        T value{};
        auto const expected = read_value(part, value);
        if (!expected.empty()) {
            return "a list with commas, each part " + expected;
        }
        values.push_back(value);
    }
    target = values;
    return {};
}

template <class T>
std::string value_text(std::vector<T> const& values) {
    std::string text;
    for (T const& value : values) {
        text += (text.empty() ? "" : ",") + value_text(value);
    }
    return text;
}

/// An empty text is "not given".
template <class T>
std::string read_value(std::string_view text, std::optional<T>& target) {
    if (text.empty()) {
        target.reset();
        return {};
    }
    T value{};
    auto expected = read_value(text, value);
    if (expected.empty()) {
        target = value;
    }
    return expected;
}

template <class T>
std::string value_text(std::optional<T> const& value) {
    return value ? value_text(*value) : std::string();
}

/// "N" for whole numbers, "X" for others, "PATH", "TEXT", "A,B,.." for lists.
template <class T>
constexpr char const* value_form() {
    if constexpr (std::is_same_v<T, bool>) {
        return "BOOL";
    } else if constexpr (std::is_integral_v<T>) {
        return "N";
    } else if constexpr (std::is_floating_point_v<T>) {
        return "X";
    } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
        return "PATH";
    } else if constexpr (std::is_same_v<T, std::string>) {
        return "TEXT";
    } else if constexpr (requires(T value) { value.has_value(); }) {
        return value_form<typename T::value_type>();
    } else {
        return "A,B,..";
    }
}

}  // namespace isogloss

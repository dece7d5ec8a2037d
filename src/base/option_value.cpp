// base/option_value.cpp
#include "base/option_value.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

namespace isogloss {
namespace {

template <class T>
std::string read_whole(std::string_view text, T& target) {
    T value{};
    auto const* const end = text.data() + text.size();
    auto const [stop, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc::result_out_of_range) {
        return fmt::format(
            "a whole number in [{}, {}]", std::numeric_limits<T>::min(),
            std::numeric_limits<T>::max()
        );
    }
    if (error != std::errc{} || stop != end) {
        return std::is_unsigned_v<T> ? "a whole number >= 0" : "a whole number";
    }
    target = value;
    return {};
}

template <class T>
std::string read_real(std::string_view text, T& target) {
    T value{};
    auto const* const end = text.data() + text.size();
    auto const [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end || !std::isfinite(value)) {
        return "a number such as 0.1 or 3e-4";
    }
    target = value;
    return {};
}

}  // namespace

std::string read_value(std::string_view text, std::string& target) {
    target = text;
    return {};
}

std::string read_value(std::string_view text, std::filesystem::path& target) {
    target = std::string(text);
    return {};
}

std::string read_value(std::string_view text, std::int32_t& target) {
    return read_whole(text, target);
}

std::string read_value(std::string_view text, std::int64_t& target) {
    return read_whole(text, target);
}

std::string read_value(std::string_view text, std::uint64_t& target) {
    return read_whole(text, target);
}

std::string read_value(std::string_view text, float& target) {
    return read_real(text, target);
}

std::string read_value(std::string_view text, double& target) {
    return read_real(text, target);
}

std::string read_value(std::string_view text, bool& target) {
    if (text == "true" || text == "yes" || text == "on" || text == "1") {
        target = true;
        return {};
    }
    if (text == "false" || text == "no" || text == "off" || text == "0") {
        target = false;
        return {};
    }
    return "true or false";
}

std::string value_text(std::string const& value) {
    return value;
}

std::string value_text(std::filesystem::path const& value) {
    return value.string();
}

std::string value_text(std::int32_t value) {
    return std::to_string(value);
}

std::string value_text(std::int64_t value) {
    return std::to_string(value);
}

std::string value_text(std::uint64_t value) {
    return std::to_string(value);
}

// The shortest digits that read back to the same value.
std::string value_text(float value) {
    return fmt::format("{}", value);
}

std::string value_text(double value) {
    return fmt::format("{}", value);
}

std::string value_text(bool value) {
    return value ? "true" : "false";
}

}  // namespace isogloss

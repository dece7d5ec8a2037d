// base/duration.cpp
#include "base/duration.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

namespace isogloss {
namespace {

constexpr char const* kExpected = "a duration such as 90s, 30m, 11h30m, 2d or 1-06:30:00";
constexpr double kLongest = 1e9;  // 30 years; keeps sums of times far from overflow

struct Unit {
    char letter;
    double seconds;
};
constexpr std::array kUnits{Unit{'d', 86400.0}, Unit{'h', 3600.0}, Unit{'m', 60.0}, Unit{'s', 1.0}};

// The number at the front, which is taken off.
std::optional<double> take_number(std::string_view& text) {
    double value = 0.0;
    auto const* const end = text.data() + text.size();
    auto const [stop, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
    if (error != std::errc{} || !(value >= 0.0) || text.front() == '-') {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    return value;
}

// "11h30m": units from large to small, each at most once.
std::optional<double> with_units(std::string_view text) {
    double sum = 0.0;
    std::size_t next = 0;
    while (!text.empty()) {
        auto const number = take_number(text);
        if (!number || text.empty()) {
            return std::nullopt;
        }
        while (next < kUnits.size() && kUnits[next].letter != text.front()) {
            ++next;
        }
        if (next == kUnits.size()) {
            return std::nullopt;
        }
        sum += *number * kUnits[next++].seconds;
        text.remove_prefix(1);
    }
    return sum;
}

// "30:00" -> {30, 0}: whole numbers between colons.
std::optional<std::vector<double>> between_colons(std::string_view text) {
    std::vector<double> numbers;
    while (true) {
        auto const colon = text.find(':');
        auto part = text.substr(0, colon);
        if (part.empty() || part.find_first_not_of("0123456789") != std::string_view::npos) {
            return std::nullopt;
        }
        auto const number = take_number(part);
        if (!number) {
            return std::nullopt;
        }
        numbers.push_back(*number);
        if (colon == std::string_view::npos) {
            return numbers;
        }
        text.remove_prefix(colon + 1);
    }
}

// Slurm's: with days the next number is hours; without, the last one is seconds.
std::optional<double> as_slurm(std::string_view text) {
    auto const dash = text.find('-');
    double days = 0.0;
    if (dash != std::string_view::npos) {
        auto const number = between_colons(text.substr(0, dash));
        if (!number || number->size() != 1) {
            return std::nullopt;
        }
        days = number->front();
        text.remove_prefix(dash + 1);
    }
    auto const numbers = between_colons(text);
    if (!numbers || numbers->size() > 3 ||
        (dash == std::string_view::npos && numbers->size() < 2)) {
        return std::nullopt;
    }
    double const largest = dash != std::string_view::npos || numbers->size() == 3 ? 3600.0 : 60.0;
    double sum = days * 86400.0;
    double unit = largest;
    for (auto const number : *numbers) {
        sum += number * unit;
        unit /= 60.0;
    }
    return sum;
}

}  // namespace

std::string read_value(std::string_view text, Duration& target) {
    if (text == "0") {
        target = {};
        return {};
    }
    if (text.empty()) {
        return kExpected;
    }
    bool const is_slurm = text.find_first_of(":-") != std::string_view::npos;
    auto const seconds = is_slurm ? as_slurm(text) : with_units(text);
    if (!seconds || *seconds > kLongest) {
        return kExpected;
    }
    target = {*seconds};
    return {};
}

std::string value_text(Duration value) {
    if (value.seconds <= 0.0) {
        return "0";
    }
    std::string text;
    double left = value.seconds;
    for (auto const& unit : kUnits) {
        auto const whole = std::floor(left / unit.seconds);
        if (unit.letter == 's') {
            text += left > 0.0 ? fmt::format("{}s", left) : "";
        } else if (whole > 0.0) {
            text += fmt::format("{:.0f}{}", whole, unit.letter);
            left -= whole * unit.seconds;
        }
    }
    return text;
}

}  // namespace isogloss

// base/text.cpp
#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace isogloss {
namespace {

// Insertions, deletions and replacements that turn a into b (Levenshtein); two letters that changed
// places count as one, because that is the commonest slip.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> now(b.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        now[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            auto const replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            now[j] = std::min({last[j] + 1, now[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                now[j] = std::min(now[j], before[j - 2] + 1);
            }
        }
        std::swap(before, last);
        std::swap(last, now);
    }
    return last[b.size()];
}

// Three significant digits or so: 1.25, 12.5, 125.
std::string scaled_text(double value, char const* unit) {
    return fmt::format("{:.{}f} {}", value, value < 99.95 ? 1 : 0, unit);
}

}  // namespace

std::string bytes_text(std::int64_t bytes) {
    constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    if (std::abs(bytes) < 1024) {
        return fmt::format("{} B", bytes);
    }
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (std::abs(value) >= 1023.95 && unit + 1 < kUnits.size()) {
        value /= 1024.0;
        ++unit;
    }
    return scaled_text(value, kUnits[unit]);
}

std::string count_text(double count) {
    constexpr std::array kUnits{"", "k", "M", "G", "T", "P"};
    if (std::abs(count) < 999.5) {
        auto const whole = std::abs(count - std::round(count)) < 1e-9 || std::abs(count) >= 99.95;
        return fmt::format("{:.{}f}", count, whole ? 0 : 1);
    }
    std::size_t unit = 0;
    while (std::abs(count) >= 999.5 && unit + 1 < kUnits.size()) {
        count /= 1000.0;
        ++unit;
    }
    return scaled_text(count, kUnits[unit]);
}

std::string duration_text(double seconds) {
    if (!std::isfinite(seconds) || seconds < 0) {
        return "-";
    }
    if (seconds < 9.95) {
        return fmt::format("{:.1f} s", seconds);
    }
    auto const whole = std::llround(seconds);
    if (whole < 60) {
        return fmt::format("{} s", whole);
    }
    if (whole < 3600) {
        return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    }
    if (whole < 24 * 3600) {
        return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
    }
    return fmt::format("{} d {:02} h", whole / 86400, whole / 3600 % 24);
}

std::string closest_match(std::string_view word, std::span<std::string const> candidates) {
    auto best = std::max<std::size_t>(1, word.size() / 3) + 1;
    std::string match;
    for (auto const& candidate : candidates) {
        auto const distance = edit_distance(word, candidate);
        if (distance < best) {
            best = distance;
            match = candidate;
        }
    }
    return match;
}

std::vector<std::string> split_at_commas(std::string_view text) {
    std::vector<std::string> parts;
    if (without_blanks(text).empty()) {
        return parts;
    }
    while (true) {
        auto const comma = text.find(',');
        parts.emplace_back(without_blanks(text.substr(0, comma)));
        if (comma == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(comma + 1);
    }
}

std::string_view without_blanks(std::string_view text) {
    constexpr auto kBlanks = " \t\r\n\f\v";
    auto const first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace isogloss

// base/text.h - numbers as people read them, and the name that was probably meant.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isogloss {

/// "17 B", "1.5 KiB", "28.1 MiB", "3.0 GiB": three or four digits, powers of 1024.
std::string bytes_text(std::int64_t bytes);

/// "950", "3.2 k", "17.0 M", "1.2 G": powers of 1000.
std::string count_text(double count);

/// "0.8 s", "42 s", "3 min 20 s", "2 h 05 min", "4 d 03 h".
std::string duration_text(double seconds);

/// The candidate within edit distance max(1, size / 3) of `word` that is nearest (the first of
/// equals), or "".
std::string closest_match(std::string_view word, std::span<std::string const> candidates);

/// The parts between commas, without blanks around them: "a, b" -> {"a", "b"}; "" -> {}.
std::vector<std::string> split_at_commas(std::string_view text);

/// Of ASCII, whatever the locale.
constexpr bool is_digit(char c) {
    return '0' <= c && c <= '9';
}

/// `text` without white space at both ends.
std::string_view without_blanks(std::string_view text);

}  // namespace isogloss

// corpus/utf8.h - is this text? And its characters one by one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace isogloss {

/// Well-formed UTF-8 (The Unicode Standard, table 3-7): no overlong forms, no surrogates, nothing
/// above U+10FFFF, no character cut off.
bool is_utf8(std::string_view text);

struct Character {
    char32_t value = 0;
    std::size_t bytes = 1;
};

/// The character that begins at byte `at` of well-formed text, at < text.size().
inline Character character_at(std::string_view text, std::size_t at) {
    auto const byte = [&](std::size_t i) {
        return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) & 0x3FU : 0U;
    };
    auto const first = static_cast<unsigned char>(text[at]);
    if (first < 0x80U) {
        return {first, 1};
    }
    if (first < 0xE0U) {
        return {((first & 0x1FU) << 6U) | byte(1), 2};
    }
    if (first < 0xF0U) {
        return {((first & 0x0FU) << 12U) | (byte(1) << 6U) | byte(2), 3};
    }
    return {((first & 0x07U) << 18U) | (byte(1) << 12U) | (byte(2) << 6U) | byte(3), 4};
}

/// Appends the character's bytes.
void append_utf8(std::string& text, char32_t character);

}  // namespace isogloss

// corpus/character_sets.h - named sets of characters, as the inside of a set of PCRE2.
#pragma once

#include <string>
#include <string_view>

namespace isogloss {

/// A set as it is put together: `[items]` or `[^items]`.
struct CharacterSet {
    std::string items{};
    bool is_negated = false;
    bool is_closed = false;  ///< takes no more items

    [[nodiscard]] std::string text() const { return (is_negated ? "[^" : "[") + items + "]"; }
};

/// Unicode's White_Space, and all else.
inline constexpr char const* kWhiteItems =
    "\\x09-\\x0D\\x20\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}"
    "\\x{205F}\\x{3000}";
inline constexpr char const* kNotWhiteItems =
    "\\x00-\\x08\\x0E-\\x1F\\x21-\\x{84}\\x{86}-\\x{9F}\\x{A1}-\\x{167F}\\x{1681}-\\x{1FFF}"
    "\\x{200B}-\\x{2027}\\x{202A}-\\x{202E}\\x{2030}-\\x{205E}\\x{2060}-\\x{2FFF}"
    "\\x{3001}-\\x{10FFFF}";
/// What \w means to Oniguruma.
inline constexpr char const* kWordItems = "\\p{L}\\p{M}\\p{N}\\p{Pc}";

/// \b and \B by those words.
std::string word_border();
std::string no_word_border();

/// The items of \p{name}; those of all other characters if `is_negated`. Empty if the name is not
/// known.
std::string property_items(std::string_view name, bool is_negated);

/// The items of [:name:].
std::string bracket_items(std::string_view name, bool is_negated);

/// Is it one of a-z, A-Z, 0-9, _?
bool is_word_character(char32_t value);

/// Appends a character that stands for itself, within a set or outside.
void append_literal(std::string& out, char32_t value);

}  // namespace isogloss

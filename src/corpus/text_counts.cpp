// corpus/text_counts.cpp
#include "corpus/text_counts.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace isogloss {
namespace {

struct Range {
    char32_t first;
    char32_t last;
};

// Blocks of The Unicode Standard, in order.
constexpr std::array<Range, 17> kUnspaced{{
    {0x0E00, 0x0E7F},    // Thai
    {0x0E80, 0x0EFF},    // Lao
    {0x0F00, 0x0FFF},    // Tibetan
    {0x1000, 0x109F},    // Myanmar
    {0x1780, 0x17FF},    // Khmer
    {0x19E0, 0x19FF},    // Khmer symbols
    {0x2E80, 0x2FDF},    // Han radicals
    {0x3005, 0x3007},    // Han iteration mark, closing mark, zero
    {0x3021, 0x30FF},    // Han numerals, Hiragana, Katakana
    {0x31F0, 0x31FF},    // Katakana extensions
    {0x3400, 0x4DBF},    // Han extension A
    {0x4E00, 0x9FFF},    // Han
    {0xA9E0, 0xA9FF},    // Myanmar extended B
    {0xAA60, 0xAA7F},    // Myanmar extended A
    {0xF900, 0xFAFF},    // Han, compatibility
    {0xFF66, 0xFF9F},    // Katakana, halfwidth
    {0x20000, 0x3FFFF},  // Han, the other planes
}};

bool is_unspaced(char32_t c) {
    auto const* const range =
        std::ranges::lower_bound(kUnspaced, c, {}, [](Range const& r) { return r.last; });
    return range != kUnspaced.end() && range->first <= c;
}

bool is_white_space(char32_t c) {
    return c == 0x20 || (0x09 <= c && c <= 0x0D) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (0x2000 <= c && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

// The character that begins at `at`, which then stands behind it.
char32_t next_character(std::string_view text, std::size_t& at) {
    auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    auto const first = byte(at++);
    if (first < 0x80) {
        return first;
    }
    auto const more = first < 0xE0 ? 1U : first < 0xF0 ? 2U : 3U;
    char32_t c = first & (0x3FU >> more);
    for (std::size_t i = 0; i < more && at < text.size(); ++i) {
        c = (c << 6U) | (byte(at++) & 0x3FU);
    }
    return c;
}

}  // namespace

TextCounts count_text(std::string_view text) {
    constexpr char32_t kFirstUnspaced = 0x0E00;
    TextCounts counts;
    bool is_in_word = false;
    for (std::size_t at = 0; at < text.size();) {
        auto const c = next_character(text, at);
        ++counts.characters;
        bool const is_space = is_white_space(c);
        counts.words += !is_space && !is_in_word ? 1 : 0;
        is_in_word = !is_space;
        counts.unspaced += c >= kFirstUnspaced && is_unspaced(c) ? 1 : 0;
    }
    return counts;
}

}  // namespace isogloss

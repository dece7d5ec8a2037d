// corpus/text_counts.h - words and characters of a text.
#pragma once

#include <cstdint>
#include <string_view>

namespace isogloss {

struct TextCounts {
    std::int64_t characters = 0;  ///< code points
    std::int64_t words = 0;       ///< runs of characters that are not white space
    /// Characters of scripts that are written without blanks between words: Han, Kana, Thai, Lao,
    /// Khmer, Myanmar, Tibetan. Where they are many, `words` says nothing.
    std::int64_t unspaced = 0;

    bool operator==(TextCounts const&) const = default;
};

/// White space is what Unicode calls so (PropList.txt, White_Space).
/// @param text  valid UTF-8
TextCounts count_text(std::string_view text);

}  // namespace isogloss

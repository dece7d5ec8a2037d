// corpus/character_class.h - is this character a blank, a letter of a word, a number, a mark?
#pragma once

namespace isogloss {

/// Unicode's White_Space.
bool is_white(char32_t character);
/// Alphabetic, marks, decimal digits, connector punctuation, joiners (UTS 18, annex C).
bool is_word_letter(char32_t character);
/// Nd, Nl, No.
bool is_number(char32_t character);
/// ASCII's punctuation and symbols, and punctuation (P) as of Unicode 8, which is what Hugging
/// Face's library knows.
bool is_punctuation(char32_t character);
/// Mn, Mc, Me as of Unicode 9, for the same reason.
bool is_mark(char32_t character);

}  // namespace isogloss

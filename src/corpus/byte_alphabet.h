// corpus/byte_alphabet.h - bytes spelled as visible letters, as byte-level vocabularies write them.
#pragma once

#include <string>
#include <string_view>

namespace isogloss {

/// Each byte is a character: the printable ones of Latin-1 (0x21 to 0x7E, 0xA1 to 0xAC, 0xAE to
/// 0xFF) stand for themselves, the 68 others are U+0100 to U+0143 in order of the bytes. So a
/// space is U+0120. Radford et al. 2019, "Language Models are Unsupervised Multitask Learners".
void spell_bytes(std::string_view bytes, std::string& out);

/// Undoes spell_bytes. False, with `out` as it was, when a character is none of the alphabet.
bool read_spelled(std::string_view spelled, std::string& out);

}  // namespace isogloss

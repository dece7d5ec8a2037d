// corpus/spelling.h - how vocabularies write bytes and spaces.
#pragma once

#include <string_view>

namespace isogloss {

inline constexpr int kByteValues = 256;
/// U+2581, where SentencePiece has a space.
inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

}  // namespace isogloss

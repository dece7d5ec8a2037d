// corpus/utf8.h - is this text?
#pragma once

#include <string_view>

namespace isogloss {

/// Well-formed UTF-8 (The Unicode Standard, table 3-7): no overlong forms, no surrogates, nothing
/// above U+10FFFF, no character cut off.
bool is_utf8(std::string_view text);

}  // namespace isogloss

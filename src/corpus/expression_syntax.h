// corpus/expression_syntax.h - regular expressions of tokenizer.json in the syntax of PCRE2.
#pragma once

#include <string>
#include <string_view>

namespace isogloss {

/// Hugging Face's library matches with Oniguruma, in its syntax of Ruby; here PCRE2 does, with its
/// Unicode properties on and `^`, `$` at line ends. Most is written alike. What differs is
/// rewritten to mean what it meant:
///
///     \s \S      Unicode's White_Space (PCRE2's own has U+180E too)
///     \w \W \b   letters, marks, numbers, connector punctuation
///     \h \H      hexadecimal digits;   \v  line tabulation;   \R  the same line ends
///     [a[bc]]    a set within a set;   [[:alpha:]]  by Unicode
///     \p{Han}    by script, not by script extension;  \p{Alpha} and the like
///     x{2}+      a repeat of a repeat, not possessive;   {,3}  from 0
///     (?m:...)   the point matches line ends too
///     (...)      groups do not capture
///
/// @param where  names file and part in errors
/// @throws Error  (data) that names what is not understood: references back, recursion, set
///         intersections, options in the midst, letters whose case folding is longer than a letter
std::string pcre2_syntax(std::string_view pattern, std::string const& where);

}  // namespace isogloss

// corpus/expression_reader.cpp
#include "corpus/expression_reader.h"

#include "base/require.h"
#include "corpus/character_sets.h"
#include "corpus/utf8.h"

namespace isogloss {

void ExpressionReader::check(bool condition, std::string_view fault) const {
    require_data(
        condition, "{}: the expression \"{}\" is not understood at byte {}: {}", where_, pattern_,
        at_, fault
    );
}

bool ExpressionReader::takes(std::string_view text) {
    bool const is_there = sees(text);
    at_ += is_there ? text.size() : 0;
    return is_there;
}

char32_t ExpressionReader::character() {
    check(!at_end(), "it ends too early");
    auto const next = character_at(pattern_, at_);
    at_ += next.bytes;
    return next.value;
}

// The character that the letter after a backslash stands for.
char32_t ExpressionReader::escaped_character(char32_t letter) {
    switch (letter) {
        case 't': return '\t';
        case 'n': return '\n';
        case 'r': return '\r';
        case 'f': return '\f';
        case 'v': return '\v';
        case 'a': return '\a';
        case 'e': return 0x1B;
        case 'u': return hexadecimal(4, 4);
        case 'x': {
            if (takes("{")) {
                auto const value = hexadecimal(1, 6);
                check(takes("}"), "\\x{ without its end");
                return value;
            }
            auto const value = hexadecimal(1, 2);
            check(value < 0x80, "a byte that is no character; write \\x{...}");
            return value;
        }
        default:
            check(letter < 0x80 && !is_word_character(letter), "an escape that is not known");
            return letter;
    }
}

char32_t ExpressionReader::hexadecimal(std::size_t least, std::size_t most) {
    char32_t value = 0;
    std::size_t digits = 0;
    for (; digits < most && !at_end(); ++digits, ++at_) {
        auto const digit =
            std::string_view("0123456789abcdef")
                .find(static_cast<char>(
                    '0' <= pattern_[at_] && pattern_[at_] <= '9' ? pattern_[at_]
                                                                 : pattern_[at_] | 0x20
                ));
        if (digit == std::string_view::npos) {
            break;
        }
        value = value * 16 + static_cast<char32_t>(digit);
    }
    bool const is_character = value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
    check(digits >= least && is_character, "no character's number");
    return value;
}

}  // namespace isogloss

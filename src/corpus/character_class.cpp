// corpus/character_class.cpp
#include "corpus/character_class.h"

#include <unicode/uchar.h>

#include <cstdint>

namespace isogloss {
namespace {

constexpr std::uint8_t kUnicodeOfPunctuation = 8;
constexpr std::uint8_t kUnicodeOfMarks = 9;

UChar32 code(char32_t character) {
    return static_cast<UChar32>(character);
}

bool has(UChar32 character, UProperty property) {
    return u_hasBinaryProperty(character, property) != 0;
}

bool is_younger(char32_t character, std::uint8_t version) {
    UVersionInfo age{};
    u_charAge(code(character), age);
    return age[0] > version;
}

bool is_of(char32_t character, std::uint32_t categories) {
    return (U_GET_GC_MASK(code(character)) & categories) != 0;
}

}  // namespace

bool is_white(char32_t character) {
    return character < 0x80 ? character == ' ' || ('\t' <= character && character <= '\r')
                            : has(code(character), UCHAR_WHITE_SPACE);
}

bool is_word_letter(char32_t character) {
    return is_of(character, U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK) ||
           has(code(character), UCHAR_ALPHABETIC) || has(code(character), UCHAR_JOIN_CONTROL);
}

bool is_number(char32_t character) {
    return is_of(character, U_GC_N_MASK);
}

bool is_punctuation(char32_t character) {
    if (character < 0x80) {
        return is_of(character, U_GC_P_MASK | U_GC_S_MASK);
    }
    bool const was_one = character == 0x166D || character == 0x111C9;  // then
    return was_one ||
           (is_of(character, U_GC_P_MASK) && !is_younger(character, kUnicodeOfPunctuation));
}

bool is_mark(char32_t character) {
    bool const was_one = character == 0x1CF2 || character == 0x1CF3;  // then
    return was_one || (is_of(character, U_GC_M_MASK) && character != 0x0C04 &&
                       !is_younger(character, kUnicodeOfMarks));
}

}  // namespace isogloss

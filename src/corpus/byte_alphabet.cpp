// corpus/byte_alphabet.cpp
#include "corpus/byte_alphabet.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "corpus/spelling.h"
#include "corpus/utf8.h"

namespace isogloss {
namespace {

constexpr std::size_t kLetters = 0x144;  // one above the last

constexpr bool stands_for_itself(std::size_t byte) {
    return (0x21 <= byte && byte <= 0x7E) || (0xA1 <= byte && byte <= 0xAC) ||
           (0xAE <= byte && byte <= 0xFF);
}

struct Alphabet {
    std::array<char16_t, kByteValues> letter{};
    std::array<std::int16_t, kLetters> byte{};
};

constexpr Alphabet make_alphabet() {
    Alphabet alphabet;
    for (auto& byte : alphabet.byte) {
        byte = -1;
    }
    std::size_t next = 0x100;
    for (std::size_t byte = 0; byte < kByteValues; ++byte) {
        auto const letter = stands_for_itself(byte) ? byte : next++;
        alphabet.letter[byte] = static_cast<char16_t>(letter);
        alphabet.byte[letter] = static_cast<std::int16_t>(byte);
    }
    return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

void spell_bytes(std::string_view bytes, std::string& out) {
    for (char const c : bytes) {
        append_utf8(out, kAlphabet.letter[static_cast<unsigned char>(c)]);
    }
}

bool read_spelled(std::string_view spelled, std::string& out) {
    auto const size = out.size();
    for (std::size_t at = 0; at < spelled.size();) {
        auto const character = character_at(spelled, at);
        auto const byte = character.value < kLetters ? kAlphabet.byte[character.value] : -1;
        if (byte < 0) {
            out.resize(size);
            return false;
        }
        out += static_cast<char>(byte);
        at += character.bytes;
    }
    return true;
}

}  // namespace isogloss

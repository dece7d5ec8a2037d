// corpus/utf8.cpp
#include "corpus/utf8.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace isogloss {
namespace {

// The rows of table 3-7: bytes of a character by its first byte, and the range of the second.
struct Form {
    std::size_t bytes = 0;  ///< 0: no character begins so
    unsigned least = 0x80;
    unsigned most = 0xBF;
};

Form form_of(unsigned first) {
    if (first < 0x80) {
        return {.bytes = 1};
    }
    if (first < 0xC2 || first > 0xF4) {
        return {};
    }
    if (first < 0xE0) {
        return {.bytes = 2};
    }
    if (first < 0xF0) {
        return {
            .bytes = 3,
            .least = first == 0xE0 ? 0xA0U : 0x80U,
            .most = first == 0xED ? 0x9FU : 0xBFU};
    }
    return {
        .bytes = 4, .least = first == 0xF0 ? 0x90U : 0x80U, .most = first == 0xF4 ? 0x8FU : 0xBFU};
}

// Are the next eight bytes single characters? Most of most text is.
bool is_ascii(char const* bytes) {
    std::uint64_t block = 0;
    std::memcpy(&block, bytes, sizeof(block));
    return (block & 0x8080808080808080U) == 0;
}

}  // namespace

bool is_utf8(std::string_view text) {
    auto const byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    for (std::size_t i = 0; i < text.size();) {
        if (i + 8 <= text.size() && is_ascii(text.data() + i)) {
            i += 8;
            continue;
        }
        auto const form = form_of(byte(i));
        if (form.bytes == 0 || i + form.bytes > text.size()) {
            return false;
        }
        for (std::size_t k = 1; k < form.bytes; ++k) {
            auto const least = k == 1 ? form.least : 0x80U;
            auto const most = k == 1 ? form.most : 0xBFU;
            if (byte(i + k) < least || byte(i + k) > most) {
                return false;
            }
        }
        i += form.bytes;
    }
    return true;
}

void append_utf8(std::string& text, char32_t character) {
    auto const value = static_cast<std::uint32_t>(character);
    auto const add = [&text](std::uint32_t byte) { text += static_cast<char>(byte); };
    auto const tail = [&](unsigned shift) { add(0x80U | ((value >> shift) & 0x3FU)); };
    if (value < 0x80U) {
        add(value);
    } else if (value < 0x800U) {
        add(0xC0U | (value >> 6U));
        tail(0);
    } else if (value < 0x10000U) {
        add(0xE0U | (value >> 12U));
        tail(6);
        tail(0);
    } else {
        add(0xF0U | (value >> 18U));
        tail(12);
        tail(6);
        tail(0);
    }
}

}  // namespace isogloss

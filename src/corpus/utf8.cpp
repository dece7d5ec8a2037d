// corpus/utf8.cpp
#include "corpus/utf8.h"

#include <cstddef>
#include <cstdint>

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

}  // namespace

bool is_utf8(std::string_view text) {
    auto const byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    for (std::size_t i = 0; i < text.size();) {
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

}  // namespace isogloss

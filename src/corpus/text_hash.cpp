// corpus/text_hash.cpp
#include "corpus/text_hash.h"

#include <string>

#include "base/hash.h"

namespace isogloss {
namespace {

constexpr std::size_t kDigits = 16;  // of hexadecimal, in 64 bits

}  // namespace

TextHash text_hash(std::string_view text) {
    auto const digits = sha256(text);
    return {
        .high = std::stoull(digits.substr(0, kDigits), nullptr, 16),
        .low = std::stoull(digits.substr(kDigits, kDigits), nullptr, 16),
    };
}

Split split_of(TextHash hash, double valid_share) {
    auto const fraction = static_cast<double>(hash.high >> 11U) * 0x1.0p-53;
    return fraction < valid_share ? Split::valid : Split::train;
}

TextHashSet::TextHashSet(std::int64_t texts)
    : places_(static_cast<std::size_t>(texts + texts / 3 + 1)) {}

bool TextHashSet::insert(TextHash hash) {
    hash.low |= 1U;  // so that no text is the free place; 127 bits are as good as 128
    for (auto at = hash.high % places_.size(); true; at = (at + 1) % places_.size()) {
        if (places_[at] == hash) {
            return false;
        }
        if (places_[at] == TextHash{}) {
            places_[at] = hash;
            return true;
        }
    }
}

}  // namespace isogloss

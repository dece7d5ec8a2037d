// corpus/text_hash.h - 128 bits of a text's SHA-256: its split, and whether it came before.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "corpus/schema.h"

namespace isogloss {

/// The first 16 bytes of the SHA-256 of a document's text, as two numbers, the first bytes highest.
struct TextHash {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    bool operator==(TextHash const&) const = default;
};
TextHash text_hash(std::string_view text);

/// In which split a document is: a function of its text alone, so that it stays there when the
/// corpus grows. valid if the first 53 bits of the hash, as a fraction, are below `valid_share`.
Split split_of(TextHash hash, double valid_share);

/// Which texts were seen, in 64/3 bytes a text. Open addressing, linear probing, three quarters
/// full at most; a hash is its own place, for SHA-256 spreads well.
class TextHashSet {
public:
    /// @param texts  at most so many will be added
    explicit TextHashSet(std::int64_t texts);

    /// False if it was there.
    bool insert(TextHash hash);

private:
    std::vector<TextHash> places_;  ///< {0, 0}: free
};

}  // namespace isogloss

// corpus/word_cache.h - the ids of words that were met before.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isogloss {

/// Text repeats its words: most need no model. Holds up to some 200,000 words of up to 128 bytes,
/// 20 MB in all; when full it forgets all and begins anew. What it holds never changes a result.
class WordCache {
public:
    /// Appends the ids of `word` and gives true, or gives false.
    bool find(std::string_view word, std::vector<std::int32_t>& out) const;

    /// Keeps the ids of a word that find() did not know.
    void keep(std::string_view word, std::span<std::int32_t const> ids);

private:
    struct Slot {
        std::uint64_t hash = 0;
        std::uint32_t text = 0;       // where it begins in texts_
        std::uint32_t ids = 0;        // where they begin in ids_
        std::uint16_t text_size = 0;  // 0: the slot is free
        std::uint16_t ids_size = 0;
    };

    [[nodiscard]] std::size_t place_of(std::uint64_t hash, std::string_view word) const;
    void grow();

    std::vector<Slot> slots_;
    std::size_t size_ = 0;
    std::string texts_;
    std::vector<std::int32_t> ids_;
};

}  // namespace isogloss

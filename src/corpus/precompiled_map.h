// corpus/precompiled_map.h - SentencePiece's table of what replaces which characters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isogloss {

/// `precompiled_charsmap`: the size of a trie in bytes (u32), the trie, then texts that end with a
/// zero byte. The trie is a double array of 32-bit units (Darts-clone): bits 0 to 7 and 31 the
/// label, 8 "a value follows", 9 to 30 the offset; a value is where its text begins.
///
/// Hugging Face's library looks up grapheme clusters of under 6 bytes whole, others character by
/// character; and takes the shortest entry that a cluster begins with for all of it. So it is here.
class PrecompiledMap {
public:
    /// @param base64  as it stands in tokenizer.json
    /// @throws Error  (data) that names `where` when it is no such table
    PrecompiledMap(std::string const& base64, std::string const& where);

    /// Appends `text` with the replacements made.
    void apply(std::string_view text, std::string& out) const;

private:
    [[nodiscard]] std::optional<std::string_view> find(std::string_view key) const;
    void apply_cluster(std::string_view cluster, std::string& out) const;

    std::vector<std::uint32_t> units_;
    std::string texts_;
};

}  // namespace isogloss

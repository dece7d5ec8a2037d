// corpus/added_tokens.h - tokens that are found in the text itself, before any model sees it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/pair_table.h"

namespace isogloss {

/// An entry of `added_tokens` in tokenizer.json.
struct AddedToken {
    std::string content;
    std::int32_t id = 0;
    bool single_word = false;  ///< only where no letter of a word stands beside it
    bool lstrip = false;       ///< takes the blanks before it along
    bool rstrip = false;       ///< takes the blanks behind it along
    bool normalized = true;    ///< looked for in the normalised text
    bool special = false;      ///< has no text when decoded
};

/// A part of a text: a token, or text between tokens.
struct TextSpan {
    static constexpr std::int32_t kText = -1;
    std::size_t begin = 0;
    std::size_t end = 0;
    std::int32_t id = kText;
};

/// Finds tokens from left to right; of several that begin at one place, the longest. One that may
/// not stand where it was found is passed over whole.
class AddedTokens {
public:
    /// Adds a token that is looked for as `form`, which is not empty: its content, normalised or
    /// not. Of two with one form the first counts.
    void add(AddedToken const& token, std::string_view form);

    /// Replaces `out` by the spans that `text` consists of.
    /// @param hidden  an id that is not looked for: text that spells it stays text; or kText
    void split(std::string_view text, std::int32_t hidden, std::vector<TextSpan>& out) const;

private:
    struct Found {
        std::size_t end = 0;
        AddedToken const* token = nullptr;
    };
    [[nodiscard]] Found longest_at(std::string_view text, std::size_t at) const;

    std::vector<AddedToken> tokens_;
    PairTable edges_;                    // (node, byte) -> node
    std::vector<std::int32_t> at_node_;  // index of the token that ends at the node, or -1
    std::vector<bool> begins_ = std::vector<bool>(256, false);  // bytes that begin a token
};

}  // namespace isogloss

// corpus/token_decoder.h - from the texts of tokens to the text they came from.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "corpus/text_pattern.h"

namespace isogloss {

/// `decoder` of tokenizer.json: ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace,
/// BPEDecoder, a Sequence of them; null puts blanks between tokens.
///
/// Bytes that are no UTF-8, as when ids end within a character, come out as they are; Hugging
/// Face's library writes U+FFFD for them.
class TokenDecoder {
public:
    /// @throws Error  (data) that names what is not understood
    static TokenDecoder read(Json const& value, std::string const& where);

    /// @param tokens  their texts in order, without those that have none; changed on the way
    [[nodiscard]] std::string decode(std::vector<std::string> tokens) const;

private:
    enum class Change : std::uint8_t { bytes, fallback, fuse };
    struct Replace {
        TextPattern pattern;
        std::string content;
    };
    struct Strip {
        std::string content;  // one character
        std::int64_t start = 0;
        std::int64_t stop = 0;
    };
    struct Mark {
        std::string mark;
        bool is_added_first = true;
    };
    struct Suffix {
        std::string text;
    };
    using Step = std::variant<Change, Replace, Strip, Mark, Suffix>;
    using Tokens = std::vector<std::string>;

    void add(Json const& value, std::string const& where, int depth);
    bool add_plain(std::string const& type);

    static void apply_step(Change change, Tokens& tokens);
    static void apply_step(Replace const& replace, Tokens& tokens);
    static void apply_step(Strip const& strip, Tokens& tokens);
    static void apply_step(Mark const& mark, Tokens& tokens);
    static void apply_step(Suffix const& suffix, Tokens& tokens);

    std::vector<Step> steps_;
    bool joins_with_blanks_ = false;
};

}  // namespace isogloss

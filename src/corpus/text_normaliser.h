// corpus/text_normaliser.h - what is done to text before it is cut into words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "corpus/precompiled_map.h"
#include "corpus/text_pattern.h"

namespace isogloss {

/// `normalizer` of tokenizer.json: NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Replace,
/// Prepend, ByteLevel, Precompiled, a Sequence of them, or null.
///
/// Characters younger than Unicode 9 are not normalised, as Hugging Face's library does not know
/// them.
class TextNormaliser {
public:
    /// @throws Error  (data) that names what is not understood
    static TextNormaliser read(Json const& value, std::string const& where);

    /// @param text   well-formed UTF-8
    /// @param space  holds the result where it is another text
    /// @return `text` itself, or `space`
    std::string_view apply(std::string_view text, std::string& space) const;

private:
    enum class Form : std::uint8_t { nfc, nfd, nfkc, nfkd };
    enum class Change : std::uint8_t { lower_case, no_marks, spelled_bytes };
    struct Strip {
        bool left = true;
        bool right = true;
    };
    struct Replace {
        TextPattern pattern;
        std::string content;
    };
    struct Prepend {
        std::string text;
    };
    using Step = std::variant<Form, Change, Strip, Replace, Prepend, PrecompiledMap>;

    void add(Json const& value, std::string const& where, int depth);
    void add_plain(std::string const& type, std::string const& where);

    // Each writes the changed text, or gives false when there is nothing to change.
    static bool apply_step(Form form, std::string_view text, std::string& out);
    static bool apply_step(Change change, std::string_view text, std::string& out);
    static bool apply_step(Strip const& strip, std::string_view text, std::string& out);
    static bool apply_step(Replace const& replace, std::string_view text, std::string& out);
    static bool apply_step(Prepend const& prepend, std::string_view text, std::string& out);
    static bool apply_step(PrecompiledMap const& map, std::string_view text, std::string& out);

    std::vector<Step> steps_;
};

}  // namespace isogloss

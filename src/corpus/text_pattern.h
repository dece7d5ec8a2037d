// corpus/text_pattern.h - what a text is cut at, and which side of a cut keeps it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "corpus/expression.h"

namespace isogloss {

/// A piece of text as is, an expression, or single characters of a kind.
class TextPattern {
public:
    using CharacterTest = bool (*)(char32_t);

    explicit TextPattern(CharacterTest test) : form_(test) {}
    explicit TextPattern(Expression expression) : form_(std::move(expression)) {}
    /// @param text  not empty
    explicit TextPattern(std::string text) : form_(std::move(text)) {}

    /// {"String": "..."} or {"Regex": "..."}.
    /// @throws Error  (data) that names `where` when it is neither, or not understood
    static TextPattern read(Json const& value, std::string const& where);

    /// Appends the matches from left to right; none overlap.
    void find_all(std::string_view text, std::vector<TextRange>& out) const;

    /// `text` with `content` in the place of each match. False, and `out` as it was, without any.
    bool replace(std::string_view text, std::string_view content, std::string& out) const;

private:
    std::variant<CharacterTest, std::string, Expression> form_;
};

/// Where a match goes: into no piece; a piece of its own; onto the piece before or after it; one
/// piece with the matches beside it.
enum class MatchPlace : std::uint8_t { removed, isolated, previous, next, contiguous };

/// @throws Error  (data) that names `where`
MatchPlace read_match_place(std::string const& name, std::string const& where);

enum class Matches : std::uint8_t { as_found, inverted };

/// Cuts text at a pattern. A value with all it needs, so that it can be kept in a list of steps.
struct TextCutter {
    TextPattern pattern;
    MatchPlace place = MatchPlace::isolated;
    Matches matches = Matches::as_found;

    /// Appends the pieces that are not empty, as ranges of `text`.
    void cut(std::string_view text, std::vector<TextRange>& out) const;
};

}  // namespace isogloss

// corpus/text_pattern.cpp
#include "corpus/text_pattern.h"

#include <algorithm>
#include <utility>

#include "base/require.h"
#include "corpus/json_part.h"
#include "corpus/utf8.h"

namespace isogloss {
namespace {

struct Cut {
    TextRange range;
    bool is_match = false;
};

void find_characters(
    std::string_view text, TextPattern::CharacterTest test, std::vector<TextRange>& out
) {
    for (std::size_t at = 0; at < text.size();) {
        auto const character = character_at(text, at);
        if (test(character.value)) {
            out.push_back({at, at + character.bytes});
        }
        at += character.bytes;
    }
}

void find_text(std::string_view text, std::string_view wanted, std::vector<TextRange>& out) {
    for (auto at = text.find(wanted); at != std::string_view::npos;
         at = text.find(wanted, at + wanted.size())) {
        out.push_back({at, at + wanted.size()});
    }
}

// Matches and what lies between them, in order.
std::vector<Cut> cuts_of(std::string_view text, TextCutter const& cutter) {
    std::vector<TextRange> matches;
    cutter.pattern.find_all(text, matches);
    bool const is_match = cutter.matches == Matches::as_found;
    std::vector<Cut> cuts;
    std::size_t at = 0;
    for (auto const& match : matches) {
        if (at != match.begin) {
            cuts.push_back({{at, match.begin}, !is_match});
        }
        cuts.push_back({match, is_match});
        at = match.end;
    }
    if (at != text.size()) {
        cuts.push_back({{at, text.size()}, !is_match});
    }
    return cuts;
}

void append(TextRange range, std::vector<TextRange>& out) {
    if (range.begin != range.end) {
        out.push_back(range);
    }
}

// Joins neighbours of a kind.
void join_contiguous(std::vector<Cut> const& cuts, std::vector<TextRange>& out) {
    for (std::size_t i = 0; i < cuts.size();) {
        auto range = cuts[i].range;
        auto const kind = cuts[i].is_match;
        for (++i; i < cuts.size() && cuts[i].is_match == kind; ++i) {
            range.end = cuts[i].range.end;
        }
        append(range, out);
    }
}

// A match joins the piece before it; of several in a row only the first does.
void join_previous(std::vector<Cut> const& cuts, std::vector<TextRange>& out) {
    for (std::size_t i = 0; i < cuts.size();) {
        auto range = cuts[i].range;
        bool const takes_next = !cuts[i].is_match && i + 1 < cuts.size() && cuts[i + 1].is_match;
        if (takes_next) {
            range.end = cuts[++i].range.end;
        }
        append(range, out);
        ++i;
    }
}

// A match joins the piece after it; of several in a row only the last does.
void join_next(std::vector<Cut> const& cuts, std::vector<TextRange>& out) {
    for (std::size_t i = 0; i < cuts.size();) {
        auto range = cuts[i].range;
        bool const takes_next = cuts[i].is_match && i + 1 < cuts.size() && !cuts[i + 1].is_match;
        if (takes_next) {
            range.end = cuts[++i].range.end;
        }
        append(range, out);
        ++i;
    }
}

}  // namespace

TextPattern TextPattern::read(Json const& value, std::string const& where) {
    JsonPart part(value, where);
    auto const text = part.optional_text("String");
    auto const expression = part.optional_text("Regex");
    part.finish();
    require_data(
        text.has_value() != expression.has_value(),
        "{}: a pattern must have either \"String\" or \"Regex\"", where
    );
    if (expression.has_value()) {
        return TextPattern(Expression(*expression, where));
    }
    require_data(!text->empty(), "{}: a pattern of no text", where);
    return TextPattern(*text);
}

void TextPattern::find_all(std::string_view text, std::vector<TextRange>& out) const {
    if (auto const* const test = std::get_if<CharacterTest>(&form_)) {
        find_characters(text, *test, out);
    } else if (auto const* const wanted = std::get_if<std::string>(&form_)) {
        find_text(text, *wanted, out);
    } else {
        std::get<Expression>(form_).find_all(text, out);
    }
}

bool TextPattern::replace(std::string_view text, std::string_view content, std::string& out) const {
    std::vector<TextRange> matches;
    find_all(text, matches);
    std::size_t at = 0;
    for (auto const& match : matches) {
        out += text.substr(at, match.begin - at);
        out += content;
        at = match.end;
    }
    if (!matches.empty()) {
        out += text.substr(at);
    }
    return !matches.empty();
}

MatchPlace read_match_place(std::string const& name, std::string const& where) {
    constexpr std::array<std::pair<std::string_view, MatchPlace>, 5> kPlaces{
        {{"Removed", MatchPlace::removed},
         {"Isolated", MatchPlace::isolated},
         {"MergedWithPrevious", MatchPlace::previous},
         {"MergedWithNext", MatchPlace::next},
         {"Contiguous", MatchPlace::contiguous}}};
    auto const* const found =
        std::ranges::find(kPlaces, name, [](auto const& entry) { return entry.first; });
    require_data(found != kPlaces.end(), "{}: the behavior \"{}\" is not known", where, name);
    return found->second;
}

void TextCutter::cut(std::string_view text, std::vector<TextRange>& out) const {
    if (place == MatchPlace::isolated) {
        std::vector<TextRange> found;
        pattern.find_all(text, found);
        std::size_t at = 0;
        for (auto const& match : found) {
            append({at, match.begin}, out);
            append(match, out);
            at = match.end;
        }
        append({at, text.size()}, out);
        return;
    }
    auto const cuts = cuts_of(text, *this);
    switch (place) {
        case MatchPlace::contiguous: return join_contiguous(cuts, out);
        case MatchPlace::previous: return join_previous(cuts, out);
        case MatchPlace::next: return join_next(cuts, out);
        default: break;
    }
    for (auto const& cut : cuts) {
        if (!cut.is_match) {
            append(cut.range, out);
        }
    }
}

}  // namespace isogloss

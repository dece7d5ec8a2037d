// corpus/pre_tokenizer.cpp
#include "corpus/pre_tokenizer.h"

#include <utility>

#include "base/require.h"
#include "corpus/byte_alphabet.h"
#include "corpus/character_class.h"
#include "corpus/json_part.h"
#include "corpus/utf8.h"

namespace isogloss {
namespace {

// What ByteLevel cuts at by itself. Radford et al. 2019, the released encoder.
constexpr char const* kByteLevelWords =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

MatchPlace read_place(JsonPart& part, MatchPlace otherwise) {
    auto const name = part.optional_text("behavior");
    return name.has_value() ? read_match_place(*name, part.where()) : otherwise;
}

}  // namespace

MarkFirst read_mark_first(Json const& value, std::string const& where) {
    JsonPart part(value, where);
    bool const adds_space = part.flag("add_prefix_space", true);  // of older files
    auto const scheme = part.optional_text("prepend_scheme");
    if (!scheme.has_value()) {
        return adds_space ? MarkFirst::always : MarkFirst::never;
    }
    require_data(
        *scheme == "always" || *scheme == "first" || *scheme == "never",
        "{}: the prepend_scheme \"{}\" is not known", where, *scheme
    );
    require_data(
        adds_space || *scheme == "never", "{}: the prepend_scheme \"{}\" without add_prefix_space",
        where, *scheme
    );
    return *scheme == "always"  ? MarkFirst::always
           : *scheme == "first" ? MarkFirst::at_start
                                : MarkFirst::never;
}

PreTokenizer PreTokenizer::read(Json const& value, std::string const& where) {
    PreTokenizer result;
    if (!value.is_null()) {
        result.add(value, where, 0);
    }
    if (!result.steps_.empty() && std::holds_alternative<SpellBytes>(result.steps_.back())) {
        result.steps_.pop_back();
        result.spells_bytes_ = true;
    }
    return result;
}

void PreTokenizer::add(Json const& value, std::string const& where, int depth) {
    require_data(
        depth < kDeepestSequence, "{}: more than {} sequences deep", where, kDeepestSequence
    );
    auto const type = JsonPart(value, where).text("type");
    auto const here = where + " " + type;
    if (type == "Sequence") {
        JsonPart part(value, here);
        part.ignore("type");
        auto const& parts = part.required("pretokenizers");
        part.finish();
        require_data(parts.is_array(), "{}: \"pretokenizers\" is no list", here);
        for (auto const& inner : parts) {
            add(inner, where, depth + 1);
        }
    } else if (type == "ByteLevel") {
        add_byte_level(value, here);
    } else if (type == "Split") {
        add_split(value, here);
    } else if (type == "Metaspace") {
        add_metaspace(value, here);
    } else {
        add_characters(type, value, here);
    }
}

void PreTokenizer::add_byte_level(Json const& value, std::string const& where) {
    JsonPart part(value, where);
    part.ignore("type");
    part.ignore("trim_offsets");  // of places in the text, which nobody asks for here
    if (part.flag("add_prefix_space", true)) {
        steps_.emplace_back(PrefixSpace{});
    }
    if (part.flag("use_regex", true)) {
        steps_.emplace_back(TextCutter{
            TextPattern(Expression(kByteLevelWords, where)), MatchPlace::isolated,
            Matches::as_found});
    }
    part.finish();
    steps_.emplace_back(SpellBytes{});
}

void PreTokenizer::add_split(Json const& value, std::string const& where) {
    JsonPart part(value, where);
    part.ignore("type");
    auto const inverted = part.flag("invert", false) ? Matches::inverted : Matches::as_found;
    auto const place = read_match_place(part.text("behavior"), where);
    steps_.emplace_back(TextCutter{
        TextPattern::read(part.required("pattern"), where), place, inverted});
    part.finish();
}

void PreTokenizer::add_metaspace(Json const& value, std::string const& where) {
    JsonPart part(value, where);
    for (auto const* key : {"type", "add_prefix_space", "prepend_scheme", "str_rep"}) {
        part.ignore(key);
    }
    std::string mark;
    append_utf8(mark, part.character("replacement"));
    bool const splits = part.flag("split", true);
    part.finish();
    steps_.emplace_back(MarkSpaces{mark, read_mark_first(value, where)});
    if (splits) {
        steps_.emplace_back(TextCutter{TextPattern(mark), MatchPlace::next, Matches::as_found});
    }
}

// Those that cut at single characters.
void PreTokenizer::add_characters(
    std::string const& type, Json const& value, std::string const& where
) {
    JsonPart part(value, where);
    part.ignore("type");
    if (type == "Digits") {
        auto const place =
            part.flag("individual_digits", false) ? MatchPlace::isolated : MatchPlace::contiguous;
        steps_.emplace_back(TextCutter{TextPattern(is_number), place, Matches::as_found});
    } else if (type == "Punctuation") {
        auto const place = read_place(part, MatchPlace::isolated);
        steps_.emplace_back(TextCutter{TextPattern(is_punctuation), place, Matches::as_found});
    } else if (type == "WhitespaceSplit") {
        steps_.emplace_back(TextCutter{
            TextPattern(is_white), MatchPlace::removed, Matches::as_found});
    } else if (type == "Whitespace") {
        // Words here by the Unicode standard's annex, not by Oniguruma.
        steps_.emplace_back(TextCutter{
            TextPattern(Expression(
                R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}]+|)"
                R"([^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}\s]+)",
                where
            )),
            MatchPlace::removed, Matches::inverted});
    } else if (type == "CharDelimiterSplit") {
        std::string delimiter;
        append_utf8(delimiter, part.character("delimiter"));
        steps_.emplace_back(TextCutter{
            TextPattern(delimiter), MatchPlace::removed, Matches::as_found});
    } else {
        fail(Exit::data, "{}: this pre-tokenizer is not supported", where);
    }
    part.finish();
}

void PreTokenizer::apply(WordList& list) const {
    for (auto const& step : steps_) {
        std::visit([&list](auto const& kind) { apply_step(kind, list); }, step);
    }
}

void PreTokenizer::apply_step(TextCutter const& step, WordList& list) {
    list.next.clear();
    for (auto const& word : list.words) {
        list.ranges.clear();
        step.cut(word.text, list.ranges);
        for (auto const& range : list.ranges) {
            list.next.push_back(
                {word.text.substr(range.begin, range.end - range.begin),
                 word.is_at_start && range.begin == 0}
            );
        }
    }
    list.words.swap(list.next);
}

void PreTokenizer::apply_step(PrefixSpace const& /*step*/, WordList& list) {
    for (auto& word : list.words) {
        if (!word.text.starts_with(' ')) {
            word.text = list.texts.emplace_back(" " + std::string(word.text));
        }
    }
}

void PreTokenizer::apply_step(MarkSpaces const& step, WordList& list) {
    for (auto& word : list.words) {
        auto& text = list.texts.emplace_back();
        bool const is_marked = word.text.starts_with(' ') || word.text.starts_with(step.mark);
        bool const marks_first = step.first == MarkFirst::always ||
                                 (step.first == MarkFirst::at_start && word.is_at_start);
        if (!is_marked && marks_first) {
            text = step.mark;
        }
        for (char const c : word.text) {
            if (c == ' ') {
                text += step.mark;
            } else {
                text += c;
            }
        }
        word.text = text;
    }
}

void PreTokenizer::apply_step(SpellBytes const& /*step*/, WordList& list) {
    for (auto& word : list.words) {
        auto& text = list.texts.emplace_back();
        spell_bytes(word.text, text);
        word.text = text;
    }
}

}  // namespace isogloss

// corpus/pre_tokenizer.h - cuts normalised text into the words that a model encodes one by one.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "corpus/text_pattern.h"

namespace isogloss {

/// When Metaspace puts its mark before a word that has none.
enum class MarkFirst : std::uint8_t { always, at_start, never };

/// @throws Error  (data) that names `where`
MarkFirst read_mark_first(Json const& part, std::string const& where);

/// Words to come, and the texts that were made on the way; used again for the next text.
struct WordList {
    struct Word {
        std::string_view text;
        bool is_at_start = false;  ///< begins where the whole text does
    };
    std::vector<Word> words;
    std::vector<Word> next;
    std::vector<TextRange> ranges;
    std::deque<std::string> texts;

    void begin(std::string_view text, bool is_at_start) {
        texts.clear();
        words.assign(1, {text, is_at_start});
    }
};

/// `pre_tokenizer` of tokenizer.json: ByteLevel, Split, Digits, Punctuation, Whitespace,
/// WhitespaceSplit, Metaspace, CharDelimiterSplit, a Sequence of them, or null.
class PreTokenizer {
public:
    /// @throws Error  (data) that names what is not understood
    static PreTokenizer read(Json const& value, std::string const& where);

    /// Replaces list.words, each by the words it is cut into; an empty one is none.
    void apply(WordList& list) const;

    /// Are the words to be spelled by spell_bytes() before the model sees them? That last step is
    /// left to the caller, who may know the word already.
    [[nodiscard]] bool spells_bytes() const { return spells_bytes_; }

private:
    struct PrefixSpace {};
    struct MarkSpaces {
        std::string mark;
        MarkFirst first = MarkFirst::always;
    };
    struct SpellBytes {};
    using Step = std::variant<TextCutter, PrefixSpace, MarkSpaces, SpellBytes>;

    void add(Json const& value, std::string const& where, int depth);
    void add_byte_level(Json const& value, std::string const& where);
    void add_split(Json const& value, std::string const& where);
    void add_metaspace(Json const& value, std::string const& where);
    void add_characters(std::string const& type, Json const& value, std::string const& where);

    static void apply_step(TextCutter const& step, WordList& list);
    static void apply_step(PrefixSpace const& step, WordList& list);
    static void apply_step(MarkSpaces const& step, WordList& list);
    static void apply_step(SpellBytes const& step, WordList& list);

    std::vector<Step> steps_;
    bool spells_bytes_ = false;
};

}  // namespace isogloss

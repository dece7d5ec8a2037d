// corpus/bpe.h - byte-pair encoding of words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/pair_table.h"
#include "corpus/tokenizer_json.h"
#include "corpus/vocabulary.h"

namespace isogloss {

/// A word begins as its characters; then again and again the pair of neighbours of the lowest rank
/// becomes one token, of equal ones the leftmost. Sennrich et al. 2016, arXiv:1508.07909; with the
/// options of `model` in tokenizer.json: unk_token, fuse_unk, byte_fallback, ignore_merges,
/// continuing_subword_prefix, end_of_word_suffix.
class Bpe {
public:
    /// What an encoding writes to; used again for the next word.
    struct Space {
        struct Symbol {
            std::int32_t id = 0;
            std::int32_t rank = 0;    // of merging it with the one after it
            std::int32_t merged = 0;  // what that gives
            std::int32_t before = 0;
            std::int32_t after = 0;
        };
        struct Candidate {
            std::int32_t rank = 0;
            std::int32_t at = 0;
            std::int32_t left = 0;
            std::int32_t right = 0;
        };
        std::vector<Symbol> symbols;
        std::vector<Candidate> candidates;
        std::string text;
    };

    /// @throws Error  (data) that names what is not understood or does not fit together
    Bpe(TokenizerJson const& json, std::string const& where);

    /// Appends the ids of a word. Time is n log n in its characters.
    void encode(std::string_view word, Space& space, std::vector<std::int32_t>& out) const;

    /// The next part of `text` that can be encoded by itself: no token goes over its end. Without
    /// it, text that no pre-tokenizer cuts would be one word.
    [[nodiscard]] std::size_t next_part(std::string_view text) const;

    [[nodiscard]] Vocabulary const& vocabulary() const { return vocabulary_; }

private:
    void read_options(Json const& model, std::string const& where);
    void read_merges(TokenizerJson const& json, std::string const& where);
    void find_characters();
    void find_byte_tokens();
    [[nodiscard]] std::int32_t find_character(
        std::string_view text, std::size_t begin, std::size_t end, std::string& spelled
    ) const;
    void begin_word(std::string_view word, Space& space) const;
    bool add_bytes(std::string_view character, Space& space) const;
    void rank(Space& space, std::size_t at) const;
    void merge_short(Space& space) const;
    void merge_long(Space& space) const;
    void push_candidate(Space& space, std::int32_t at) const;

    Vocabulary vocabulary_;
    PairTable merges_;                 // (left, right) -> (rank, merged)
    PairTable characters_;             // (character, 0) -> id
    std::vector<std::int32_t> bytes_;  // id of each byte's token, -1 without
    std::int32_t unknown_ = -1;
    std::string prefix_;
    std::string suffix_;
    bool fuses_unknown_ = false;
    bool falls_back_ = false;
    bool ignores_merges_ = false;
    bool cuts_at_marks_ = false;
};

}  // namespace isogloss

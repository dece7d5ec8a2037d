// corpus/hugging_face.h - a tokenizer.json put together: text -> ids and back.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "corpus/added_tokens.h"
#include "corpus/bpe.h"
#include "corpus/pre_tokenizer.h"
#include "corpus/text_normaliser.h"
#include "corpus/token_decoder.h"
#include "corpus/unigram.h"
#include "corpus/word_cache.h"

namespace isogloss {

/// Gives the ids that Hugging Face's `tokenizers` library gives without special tokens around them
/// (its encode with add_special_tokens false). In this order: added tokens that are not normalised
/// are cut out of the text; what is left is normalised; added tokens that are normalised are cut
/// out; what is left is pre-tokenized into words; the model, BPE or Unigram, encodes each.
///
/// Padding, truncation and the post-processor belong to batches of a model, not to text, and are
/// not applied. What else is in the file and not known here is refused by name.
class HuggingFace {
public:
    /// @param file   content of the tokenizer.json
    /// @param where  its name, for errors
    /// @throws Error  (data) that names what is wrong or not understood
    HuggingFace(std::string_view file, std::string const& where);

    /// Appends the ids of `text`. May be called from several threads.
    /// @param hidden  an added token that is not looked for, so that text cannot spell it; or
    ///                TextSpan::kText
    /// @throws Error  (data) when the text is not UTF-8 or an expression gives up on it
    void encode(std::string_view text, std::int32_t hidden, std::vector<std::int32_t>& out) const;

    /// @throws Error  (data) when an id is not in the vocabulary
    [[nodiscard]] std::string decode(std::span<std::int32_t const> ids) const;

    /// One above the highest id, added tokens included.
    [[nodiscard]] std::int32_t vocab_size() const;
    [[nodiscard]] std::optional<std::int32_t> find(std::string_view token) const;
    /// Is it an added token that has no text when decoded?
    [[nodiscard]] bool is_special(std::int32_t id) const;
    /// The token's own text, as in the file; nullptr for a gap.
    [[nodiscard]] std::string const* text_of(std::int32_t id) const;

private:
    HuggingFace(TokenizerJson const& json, std::string const& where);

    // What one encoding writes to; kept for the next, with the words it has met.
    struct Space {
        WordList words;
        WordCache cache;
        Bpe::Space bpe;
        Unigram::Space unigram;
        std::string normalised;
        std::string spelled;
        std::vector<TextSpan> spans;
        std::vector<TextSpan> inner;
    };

    void read_added_tokens(Json const& list, std::string const& where);
    void encode_text(
        std::string_view text,
        std::int32_t hidden,
        bool is_at_start,
        Space& space,
        std::vector<std::int32_t>& out
    ) const;
    void encode_word(std::string_view word, Space& space, std::vector<std::int32_t>& out) const;
    [[nodiscard]] Vocabulary const& model_vocabulary() const;
    std::unique_ptr<Space> borrow_space() const;

    TextNormaliser normaliser_;
    PreTokenizer pre_tokenizer_;
    std::variant<Bpe, Unigram> model_;
    TokenDecoder decoder_;
    AddedTokens raw_tokens_;                     // looked for in the text as it is
    AddedTokens normalised_tokens_;              // looked for in the normalised text
    Vocabulary added_;                           // ids that the model does not have
    std::vector<bool> is_special_;               // by id
    std::map<std::int32_t, std::string> forms_;  // what normalised tokens decode to
    mutable std::mutex mutex_;                   // of spaces_
    mutable std::vector<std::unique_ptr<Space>> spaces_;
};

}  // namespace isogloss

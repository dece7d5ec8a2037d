// corpus/tokenizer.h - text to token ids and back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isogloss {

/// One of three:
///   bytes          a token a byte of UTF-8, ids 0 to 255; the separator is 256. Needs no training.
///   sentencepiece  a SentencePiece model; with byte fallback nothing is unknown. The separator is
///                  its beginning-of-text token, else its end-of-text token.
///   huggingface    a tokenizer.json, with the ids of Hugging Face's library. The separator is the
///                  bos_token, else the eos_token, that tokenizer_config.json or
///                  special_tokens_map.json beside it names; else a token of a usual name.
///
/// decode(encode(x)) == x for any x with bytes, and for any valid UTF-8 with a model that
/// train_tokenizer made; what a tokenizer.json does to text is its own affair. Moves, does not
/// copy; const functions may be called from several threads.
class Tokenizer {
public:
    /// @param name       "bytes", or the path of a SentencePiece model or a tokenizer.json, or of a
    ///                   folder that has one by the name tokenizer.json or tokenizer.model
    /// @param separator  text of the token that begins a document; empty: the tokenizer's own
    /// @throws Error  (data) when the file is missing, is not understood, or has no separator;
    ///                (usage) when `separator` is no token of it
    static Tokenizer open(std::string const& name, std::string const& separator = {});

    /// The same with a separator that is known by its id, as a corpus keeps it; -1: it is not, and
    /// is the tokenizer's own.
    static Tokenizer open(std::string const& name, std::int32_t separator);

    Tokenizer(Tokenizer&&) noexcept;
    Tokenizer& operator=(Tokenizer&&) noexcept;
    ~Tokenizer();

    /// Appends the ids of `text`, without a separator before it. A tokenizer.json finds its special
    /// tokens in text that spells them, the separator too.
    /// @throws Error  (data) when a tokenizer.json is given other than UTF-8
    void encode(std::string_view text, std::vector<std::int32_t>& out) const;
    [[nodiscard]] std::vector<std::int32_t> encode(std::string_view text) const;

    /// Appends the separator and the ids of `text`, in which the separator does not occur: text
    /// that spells it is encoded as other text.
    /// @throws Error  (data) as encode(), and when the separator is a token of ordinary text
    void encode_document(std::string_view text, std::vector<std::int32_t>& out) const;

    /// The text of the ids; separators and other control tokens have none. Ids that end within a
    /// character give bytes that are not valid UTF-8.
    /// @throws Error  (data) when an id is not in the vocabulary
    [[nodiscard]] std::string decode(std::span<std::int32_t const> ids) const;

    [[nodiscard]] std::int32_t vocab_size() const { return vocab_size_; }
    [[nodiscard]] std::int32_t separator() const { return separator_; }
    /// The separator as the model's file writes it; empty with bytes.
    [[nodiscard]] std::string separator_text() const;
    [[nodiscard]] std::string const& kind() const { return kind_; }
    /// Identity: equal hashes give equal ids. SHA-256 of the model file, or of the name "bytes".
    [[nodiscard]] std::string const& sha256() const { return sha256_; }

    /// Writes the model file; nothing for bytes.
    void save(std::filesystem::path const& path) const;

private:
    struct Model;
    Tokenizer();
    static Tokenizer load(std::string const& name);

    std::string kind_;
    std::string sha256_;
    std::int32_t vocab_size_ = 0;
    std::int32_t separator_ = 0;
    std::unique_ptr<Model> model_;  ///< none for bytes
};

}  // namespace isogloss

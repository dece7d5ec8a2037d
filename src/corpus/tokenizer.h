// corpus/tokenizer.h - text to token ids and back, without loss.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isogloss {

/// Either of two:
///   bytes          a token a byte of UTF-8, ids 0 to 255; the separator is 256. Needs no training.
///   sentencepiece  a SentencePiece model; with byte fallback nothing is unknown. The separator is
///                  its beginning-of-text token, else its end-of-text token.
///
/// decode(encode(x)) == x for any x with bytes, and for any valid UTF-8 with a model that
/// train_tokenizer made. encode never gives the separator. Moves, does not copy; const functions
/// may be called from several threads.
class Tokenizer {
public:
    /// @param name  "bytes", or the path of a SentencePiece model
    /// @throws Error  (data) when the file is missing, no model, or has no separator
    static Tokenizer open(std::string const& name);

    Tokenizer(Tokenizer&&) noexcept;
    Tokenizer& operator=(Tokenizer&&) noexcept;
    ~Tokenizer();

    /// Appends the ids of `text`, without a separator.
    void encode(std::string_view text, std::vector<std::int32_t>& out) const;
    [[nodiscard]] std::vector<std::int32_t> encode(std::string_view text) const;

    /// The text of the ids; separators and other control tokens have none. Ids that end within a
    /// character give bytes that are not valid UTF-8.
    /// @throws Error  (data) when an id is not in the vocabulary
    [[nodiscard]] std::string decode(std::span<std::int32_t const> ids) const;

    [[nodiscard]] std::int32_t vocab_size() const { return vocab_size_; }
    [[nodiscard]] std::int32_t separator() const { return separator_; }
    [[nodiscard]] std::string const& kind() const { return kind_; }
    /// Identity: equal hashes give equal ids. SHA-256 of the model file, or of the name "bytes".
    [[nodiscard]] std::string const& sha256() const { return sha256_; }

    /// Writes the model file; nothing for bytes.
    void save(std::filesystem::path const& path) const;

private:
    struct Model;
    Tokenizer();

    std::string kind_;
    std::string sha256_;
    std::int32_t vocab_size_ = 0;
    std::int32_t separator_ = 0;
    std::unique_ptr<Model> model_;  ///< none for bytes
};

}  // namespace isogloss

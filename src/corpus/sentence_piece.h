// corpus/sentence_piece.h - a SentencePiece model: text -> ids and back, without loss.
#pragma once

#include <sentencepiece_processor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isogloss {

/// The library's own encoding, with two things added: text is encoded in parts, which changes no id
/// and is faster; and the library's mark of a space (U+2581), met in the text itself, is encoded as
/// its bytes so that it does not come back as a space.
class SentencePiece {
public:
    /// @param file   content of the model file
    /// @param where  its name, for errors
    /// @throws Error  (data) when it is no model
    SentencePiece(std::string const& file, std::string const& where);

    void encode(std::string_view text, std::vector<std::int32_t>& out) const;
    /// @param ids  all in [0, vocab_size())
    [[nodiscard]] std::string decode(std::span<std::int32_t const> ids) const;

    [[nodiscard]] std::int32_t vocab_size() const { return processor_.GetPieceSize(); }
    /// The token that begins a text, else the one that ends it; none without either.
    [[nodiscard]] std::optional<std::int32_t> separator() const;
    [[nodiscard]] std::optional<std::int32_t> find(std::string const& piece) const;
    [[nodiscard]] std::string piece(std::int32_t id) const { return processor_.IdToPiece(id); }

private:
    void encode_part(std::string_view text, std::vector<std::int32_t>& out) const;

    sentencepiece::SentencePieceProcessor processor_;
    std::vector<std::string> pieces_;        // the text of each id; control tokens have none
    std::array<std::int32_t, 256> bytes_{};  // id of each byte's token, or -1
    bool adds_space_ = false;                // before the text's first word
};

}  // namespace isogloss

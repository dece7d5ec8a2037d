// corpus/sentence_piece.cpp
#include "corpus/sentence_piece.h"

#include <charconv>

#include "base/require.h"
#include "corpus/spelling.h"

namespace isogloss {
namespace {

constexpr std::size_t kPieceBytes = 1024;  // of text encoded at once; longer is slower a byte

std::string with_spaces(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        bool const is_mark = text.starts_with(kSpaceMark);
        result += is_mark ? ' ' : text.front();
        text.remove_prefix(is_mark ? kSpaceMark.size() : 1);
    }
    return result;
}

// The byte that a piece such as "<0x0A>" stands for.
std::uint8_t byte_of(std::string const& piece, std::string const& where) {
    unsigned value = kByteValues;
    if (piece.size() == 6) {
        std::from_chars(piece.data() + 3, piece.data() + 5, value, 16);
    }
    require_data(value < kByteValues, "{}: the byte token \"{}\" is none", where, piece);
    return static_cast<std::uint8_t>(value);
}

// How much of `text` to encode at once. Pieces do not cross line ends or the border before a word,
// so cutting there does not change the ids; only a longer run without either is cut elsewhere.
std::size_t cut_of(std::string_view text) {
    if (text.size() <= kPieceBytes) {
        return text.size();
    }
    auto const line = text.rfind('\n', kPieceBytes - 1);
    if (line != std::string_view::npos) {
        return line + 1;
    }
    for (auto at = text.rfind(' ', kPieceBytes); at != std::string_view::npos && at > 1;
         at = text.rfind(' ', at - 1)) {
        if (text[at - 1] != ' ' && text[at + 1] != ' ') {
            return at;
        }
    }
    auto cut = kPieceBytes;
    while (cut > 1 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) {
        --cut;  // not inside a character
    }
    return cut;
}

}  // namespace

SentencePiece::SentencePiece(std::string const& file, std::string const& where) {
    auto const status = processor_.LoadFromSerializedProto(file);
    require_data(status.ok(), "{}: not a SentencePiece model: {}", where, status.ToString());
    bytes_.fill(-1);
    for (int id = 0; id < processor_.GetPieceSize(); ++id) {
        auto const& text = processor_.IdToPiece(id);
        if (processor_.IsByte(id)) {
            auto const value = byte_of(text, where);
            bytes_[value] = id;
            pieces_.emplace_back(1, static_cast<char>(value));
        } else if (processor_.IsControl(id) || processor_.IsUnknown(id)) {
            pieces_.emplace_back();
        } else {
            pieces_.push_back(with_spaces(text));
        }
    }
    auto const ids = processor_.EncodeAsIds("a");
    adds_space_ =
        !ids.empty() && pieces_.at(static_cast<std::size_t>(ids.front())).starts_with(' ');
}

void SentencePiece::encode_part(std::string_view text, std::vector<std::int32_t>& out) const {
    std::vector<int> ids;
    while (!text.empty()) {
        auto const part = text.substr(0, cut_of(text));
        auto const status = processor_.Encode({part.data(), part.size()}, &ids);
        require(status.ok(), "SentencePiece cannot encode: {}", status.ToString());
        out.insert(out.end(), ids.begin(), ids.end());
        text.remove_prefix(part.size());
    }
}

void SentencePiece::encode(std::string_view text, std::vector<std::int32_t>& out) const {
    while (!text.empty()) {
        bool const has_bytes = bytes_[0xE2] >= 0;
        auto const mark = has_bytes ? text.find(kSpaceMark) : std::string_view::npos;
        encode_part(text.substr(0, mark), out);
        if (mark == std::string_view::npos) {
            return;
        }
        for (char const c : kSpaceMark) {
            out.push_back(bytes_[static_cast<unsigned char>(c)]);
        }
        text.remove_prefix(mark + kSpaceMark.size());
    }
}

std::string SentencePiece::decode(std::span<std::int32_t const> ids) const {
    std::string text;
    for (auto const id : ids) {
        text += pieces_[static_cast<std::size_t>(id)];
    }
    return adds_space_ && text.starts_with(' ') ? text.substr(1) : text;
}

std::optional<std::int32_t> SentencePiece::separator() const {
    auto const id = processor_.bos_id() >= 0 ? processor_.bos_id() : processor_.eos_id();
    return id >= 0 ? std::optional(id) : std::nullopt;
}

std::optional<std::int32_t> SentencePiece::find(std::string const& piece) const {
    auto const id = processor_.PieceToId(piece);
    return processor_.IdToPiece(id) == piece ? std::optional(id) : std::nullopt;
}

}  // namespace isogloss

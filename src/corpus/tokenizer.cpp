// corpus/tokenizer.cpp
#include "corpus/tokenizer.h"

#include <sentencepiece_processor.h>

#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/require.h"

namespace isogloss {
namespace {

constexpr char const* kBytes = "bytes";
constexpr std::int32_t kByteValues = 256;
constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581, SentencePiece's visible space
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
std::uint8_t byte_of(std::string const& piece, std::string const& name) {
    unsigned value = kByteValues;
    if (piece.size() == 6) {
        std::from_chars(piece.data() + 3, piece.data() + 5, value, 16);
    }
    require_data(value < kByteValues, "{}: the byte token \"{}\" is none", name, piece);
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

struct Tokenizer::Model {
    std::string file;  // as loaded, so that save() gives the same bytes
    sentencepiece::SentencePieceProcessor processor;
    std::vector<std::string> pieces;                // the text of each id; control tokens have none
    std::array<std::int32_t, kByteValues> bytes{};  // id of each byte's token, or -1
    bool adds_space = false;                        // before the text's first word

    void load(std::string const& name);
    void encode_part(std::string_view text, std::vector<std::int32_t>& out) const;
};

void Tokenizer::Model::load(std::string const& name) {
    std::ifstream stream(name, std::ios::binary);
    require_data(
        stream.is_open(), "{}: the tokenizer cannot be opened (\"{}\" needs no file)", name, kBytes
    );
    file.assign(std::istreambuf_iterator<char>(stream), {});
    auto const status = processor.LoadFromSerializedProto(file);
    require_data(status.ok(), "{}: not a SentencePiece model: {}", name, status.ToString());
    bytes.fill(-1);
    for (int id = 0; id < processor.GetPieceSize(); ++id) {
        auto const& text = processor.IdToPiece(id);
        if (processor.IsByte(id)) {
            auto const value = byte_of(text, name);
            bytes[value] = id;
            pieces.emplace_back(1, static_cast<char>(value));
        } else if (processor.IsControl(id) || processor.IsUnknown(id)) {
            pieces.emplace_back();
        } else {
            pieces.push_back(with_spaces(text));
        }
    }
    auto const ids = processor.EncodeAsIds("a");
    adds_space = !ids.empty() && pieces.at(static_cast<std::size_t>(ids.front())).starts_with(' ');
}

void Tokenizer::Model::encode_part(std::string_view text, std::vector<std::int32_t>& out) const {
    std::vector<int> ids;
    while (!text.empty()) {
        auto const part = text.substr(0, cut_of(text));
        auto const status = processor.Encode({part.data(), part.size()}, &ids);
        require(status.ok(), "SentencePiece cannot encode: {}", status.ToString());
        out.insert(out.end(), ids.begin(), ids.end());
        text.remove_prefix(part.size());
    }
}

Tokenizer::Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::open(std::string const& name) {
    Tokenizer tokenizer;
    if (name == kBytes) {
        tokenizer.kind_ = kBytes;
        tokenizer.sha256_ = isogloss::sha256(kBytes);
        tokenizer.vocab_size_ = kByteValues + 1;
        tokenizer.separator_ = kByteValues;
        return tokenizer;
    }
    tokenizer.model_ = std::make_unique<Model>();
    tokenizer.model_->load(name);
    auto const& processor = tokenizer.model_->processor;
    tokenizer.kind_ = "sentencepiece";
    tokenizer.sha256_ = isogloss::sha256(tokenizer.model_->file);
    tokenizer.vocab_size_ = processor.GetPieceSize();
    tokenizer.separator_ = processor.bos_id() >= 0 ? processor.bos_id() : processor.eos_id();
    require_data(
        tokenizer.separator_ >= 0,
        "{}: the model has neither a beginning-of-text nor an end-of-text token", name
    );
    return tokenizer;
}

void Tokenizer::encode(std::string_view text, std::vector<std::int32_t>& out) const {
    if (model_ == nullptr) {
        for (char const c : text) {
            out.push_back(static_cast<unsigned char>(c));
        }
        return;
    }
    // The mark of a space, met in the text itself, must not come back as a space: as three bytes it
    // comes back as what it was.
    while (!text.empty()) {
        bool const has_bytes = model_->bytes[0xE2] >= 0;
        auto const mark = has_bytes ? text.find(kSpaceMark) : std::string_view::npos;
        model_->encode_part(text.substr(0, mark), out);
        if (mark == std::string_view::npos) {
            return;
        }
        for (char const c : kSpaceMark) {
            out.push_back(model_->bytes[static_cast<unsigned char>(c)]);
        }
        text.remove_prefix(mark + kSpaceMark.size());
    }
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text) const {
    std::vector<std::int32_t> out;
    encode(text, out);
    return out;
}

std::string Tokenizer::decode(std::span<std::int32_t const> ids) const {
    std::string text;
    for (auto const id : ids) {
        require_data(
            0 <= id && id < vocab_size_, "token {} is not in the tokenizer's vocabulary of {}", id,
            vocab_size_
        );
        if (model_ != nullptr) {
            text += model_->pieces[static_cast<std::size_t>(id)];
        } else if (id != separator_) {
            text += static_cast<char>(id);
        }
    }
    bool const has_added_space = model_ != nullptr && model_->adds_space && text.starts_with(' ');
    return has_added_space ? text.substr(1) : text;
}

void Tokenizer::save(std::filesystem::path const& path) const {
    if (model_ != nullptr) {
        write_file(path, model_->file);
    }
}

}  // namespace isogloss

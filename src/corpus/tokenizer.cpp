// corpus/tokenizer.cpp
#include "corpus/tokenizer.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/require.h"
#include "corpus/hugging_face.h"
#include "corpus/sentence_piece.h"
#include "corpus/separator.h"
#include "corpus/spelling.h"

namespace isogloss {
namespace {

namespace fs = std::filesystem;

constexpr char const* kBytes = "bytes";
constexpr std::uintmax_t kMostFileBytes = std::uintmax_t{1} << 30U;

// The file itself where a folder is named.
fs::path file_of(std::string const& name) {
    fs::path const path(name);
    for (auto const* file : {"tokenizer.json", "tokenizer.model"}) {
        if (fs::is_directory(path) && fs::exists(path / file)) {
            return path / file;
        }
    }
    return path;
}

std::string content_of(fs::path const& path) {
    std::error_code error;
    auto const bytes = fs::file_size(path, error);
    std::ifstream stream(path, std::ios::binary);
    require_data(
        !error && stream.is_open(), "{}: the tokenizer cannot be opened (\"{}\" needs no file)",
        path.string(), kBytes
    );
    require_data(
        bytes <= kMostFileBytes, "{}: has {} bytes; no tokenizer has over {}", path.string(), bytes,
        kMostFileBytes
    );
    return {std::istreambuf_iterator<char>(stream), {}};
}

// SentencePiece models begin with a byte 10, which is a blank to JSON; what follows is no brace.
bool is_json(std::string const& file) {
    auto const first = file.find_first_not_of(" \t\r\n");
    return first != std::string::npos && file[first] == '{';
}

}  // namespace

struct Tokenizer::Model {
    std::string path;
    std::string file;  // as loaded, so that save() gives the same bytes
    std::optional<SentencePiece> sentence_piece;
    std::optional<HuggingFace> hugging_face;

    [[nodiscard]] std::optional<std::int32_t> find(std::string const& token) const {
        return hugging_face ? hugging_face->find(token) : sentence_piece->find(token);
    }
};

Tokenizer::Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

// All but the separator.
Tokenizer Tokenizer::load(std::string const& name) {
    Tokenizer tokenizer;
    if (name == kBytes) {
        tokenizer.kind_ = kBytes;
        tokenizer.sha256_ = isogloss::sha256(kBytes);
        tokenizer.vocab_size_ = kByteValues + 1;
        return tokenizer;
    }
    tokenizer.model_ = std::make_unique<Model>();
    auto& model = *tokenizer.model_;
    model.path = file_of(name).string();
    model.file = content_of(model.path);
    tokenizer.sha256_ = isogloss::sha256(model.file);
    if (is_json(model.file)) {
        tokenizer.kind_ = "huggingface";
        model.hugging_face.emplace(model.file, model.path);
        tokenizer.vocab_size_ = model.hugging_face->vocab_size();
    } else {
        tokenizer.kind_ = "sentencepiece";
        model.sentence_piece.emplace(model.file, model.path);
        tokenizer.vocab_size_ = model.sentence_piece->vocab_size();
    }
    return tokenizer;
}

Tokenizer Tokenizer::open(std::string const& name, std::string const& separator) {
    auto tokenizer = load(name);
    std::optional<std::int32_t> id;
    if (tokenizer.model_ == nullptr) {
        require_usage(
            separator.empty(), "separator = {}: the tokenizer of bytes has one of its own",
            separator
        );
        id = kByteValues;
    } else if (!separator.empty()) {
        id = tokenizer.model_->find(separator);
        require_usage(
            id.has_value(), "separator = {}: is no token of {}", separator, tokenizer.model_->path
        );
    } else if (tokenizer.model_->hugging_face) {
        id = find_separator(*tokenizer.model_->hugging_face, tokenizer.model_->path);
    } else {
        id = tokenizer.model_->sentence_piece->separator();
    }
    require_data(
        id.has_value(),
        "{}: no token is known to begin or end a text; name the one that is to begin documents: "
        "--separator TOKEN",
        name
    );
    tokenizer.separator_ = *id;
    return tokenizer;
}

Tokenizer Tokenizer::open(std::string const& name, std::int32_t separator) {
    if (separator == -1) {
        return open(name);
    }
    auto tokenizer = load(name);
    require_data(
        0 <= separator && separator < tokenizer.vocab_size_,
        "{}: has no token {} to begin documents", name, separator
    );
    tokenizer.separator_ = separator;
    return tokenizer;
}

void Tokenizer::encode(std::string_view text, std::vector<std::int32_t>& out) const {
    if (model_ == nullptr) {
        for (char const c : text) {
            out.push_back(static_cast<unsigned char>(c));
        }
    } else if (model_->hugging_face) {
        model_->hugging_face->encode(text, TextSpan::kText, out);
    } else {
        model_->sentence_piece->encode(text, out);
    }
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text) const {
    std::vector<std::int32_t> out;
    encode(text, out);
    return out;
}

void Tokenizer::encode_document(std::string_view text, std::vector<std::int32_t>& out) const {
    out.push_back(separator_);
    auto const begin = static_cast<std::ptrdiff_t>(out.size());
    if (model_ != nullptr && model_->hugging_face) {
        model_->hugging_face->encode(text, separator_, out);
    } else {
        encode(text, out);
    }
    require_data(
        std::find(out.begin() + begin, out.end(), separator_) == out.end(),
        "the separator \"{}\" also stands for text within a document; choose another: --separator",
        separator_text()
    );
}

std::string Tokenizer::decode(std::span<std::int32_t const> ids) const {
    for (auto const id : ids) {
        require_data(
            0 <= id && id < vocab_size_, "token {} is not in the tokenizer's vocabulary of {}", id,
            vocab_size_
        );
    }
    if (model_ != nullptr) {
        return model_->hugging_face ? model_->hugging_face->decode(ids)
                                    : model_->sentence_piece->decode(ids);
    }
    std::string text;
    for (auto const id : ids) {
        if (id != separator_) {
            text += static_cast<char>(id);
        }
    }
    return text;
}

std::string Tokenizer::separator_text() const {
    if (model_ == nullptr) {
        return {};
    }
    if (model_->sentence_piece) {
        return model_->sentence_piece->piece(separator_);
    }
    auto const* const text = model_->hugging_face->text_of(separator_);
    return text == nullptr ? std::string() : *text;
}

void Tokenizer::save(std::filesystem::path const& path) const {
    if (model_ != nullptr) {
        write_file(path, model_->file);
    }
}

}  // namespace isogloss

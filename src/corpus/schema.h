// corpus/schema.h - the names and records of a corpus on disk, once.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "corpus/faults.h"

namespace isogloss {

/// A corpus is a directory:
///
///     corpus.json      the manifest below; written last, so a directory without it is no corpus
///     tokenizer.model  copy of the tokenizer, unless it is the one of bytes; tokenizer.json of
///                      kind "huggingface"
///     TAG.h5           one file a language, written once:
///         /TAG/train/tokens          [n]    u16, or u32 if the vocabulary needs it; contiguous
///         /TAG/train/document_start  [m+1]  i64, index of each document's first token, then n
///         /TAG/valid/...                    the same
///
/// TAG is a BCP 47 language tag. Each document is stored as the separator and then its tokens.
inline constexpr int kCorpusSchema = 2;
inline constexpr char const* kCorpusManifest = "corpus.json";
/// File name of the tokenizer's copy: tokenizer.json for "huggingface", else tokenizer.model.
std::string corpus_tokenizer_file(std::string const& tokenizer_kind);

enum class Split : std::uint8_t { train, valid };
inline constexpr std::size_t kSplits = 2;
constexpr char const* name_of(Split split) {
    return split == Split::train ? "train" : "valid";
}

struct SplitCounts {
    std::int64_t documents = 0;
    std::int64_t tokens = 0;         ///< separators included
    std::int64_t bytes_of_text = 0;  ///< UTF-8 bytes of the documents, separators not included
    std::int64_t words = 0;          ///< as count_text counts, and these two
    std::int64_t characters = 0;
    std::int64_t unspaced = 0;

    SplitCounts& operator+=(SplitCounts const& other);
    bool operator==(SplitCounts const&) const = default;
};

/// One language of a corpus.
struct LanguageRecord {
    std::string tag;   ///< BCP 47
    std::string file;  ///< name within the directory
    std::int64_t file_bytes = 0;
    std::string sha256;  ///< of the file
    std::string source;  ///< where the text is from, for people
    std::string licence;
    std::int64_t records = 0;     ///< of the text that was read: documents, duplicates and faults
    std::int64_t duplicates = 0;  ///< documents left out because their text came before
    std::array<std::int64_t, kFaults> faults{};  ///< records left out, indexed by Fault
    std::array<SplitCounts, kSplits> splits;     ///< indexed by Split

    [[nodiscard]] std::int64_t faulty() const;  ///< sum of faults
    [[nodiscard]] SplitCounts both_splits() const;
    [[nodiscard]] SplitCounts const& counts(Split split) const {
        return splits[static_cast<std::size_t>(split)];
    }
    [[nodiscard]] SplitCounts& counts(Split split) {
        return splits[static_cast<std::size_t>(split)];
    }
};

/// Content of corpus.json.
struct CorpusManifest {
    std::string tokenizer_kind;    ///< "bytes", "sentencepiece" or "huggingface"
    std::string tokenizer_sha256;  ///< identity: equal hashes give equal ids
    std::int32_t vocab_size = 0;
    std::int32_t separator = 0;             ///< the token that begins every document
    double valid_share = 0.0;               ///< share of documents in the split valid
    std::vector<LanguageRecord> languages;  ///< in byte order of their tags
};

/// @throws Error  (data) naming file and key
CorpusManifest read_corpus_manifest(std::filesystem::path const& directory);
void write_corpus_manifest(std::filesystem::path const& directory, CorpusManifest const& manifest);

Json to_json(SplitCounts const& counts);
SplitCounts split_counts(Json const& value, std::string const& where);

Json to_json(LanguageRecord const& record);
/// @param where  names the file in errors
LanguageRecord language_record(Json const& value, std::string const& where);

/// A BCP 47 tag that begins with a language of 2 or 3 letters (RFC 5646, section 2.1): subtags of
/// letters and digits, at most 8 each, joined by hyphens. So it can be a file's name.
bool is_language_tag(std::string const& tag);

/// "/el/train/tokens"
std::string tokens_path(std::string const& tag, Split split);
std::string document_start_path(std::string const& tag, Split split);

}  // namespace isogloss

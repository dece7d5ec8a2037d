// corpus/corpus.h - a tokenized corpus, opened read-only: languages, lengths, windows of tokens.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/schema.h"
#include "storage/mapped_file.h"

namespace isogloss {

/// A corpus directory (see schema.h). Every rank opens its own; nothing here is collective, and any
/// thread may read at any time.
class Corpus {
public:
    /// Reads corpus.json, then checks that every file it names is there with the length that it
    /// promises. A language's file is opened when it is first asked for: its headers are then
    /// compared with the manifest and its tokens mapped; no descriptor stays open. The functions
    /// that read throw what is found.
    /// @throws Error  (data) naming the file that is missing, cut short, altered or foreign
    explicit Corpus(std::filesystem::path const& directory);

    [[nodiscard]] std::filesystem::path const& directory() const { return directory_; }
    [[nodiscard]] CorpusManifest const& manifest() const { return manifest_; }

    /// In the order of corpus.json: byte order of the tags.
    [[nodiscard]] std::vector<LanguageRecord> const& languages() const {
        return manifest_.languages;
    }
    /// Index of a tag in languages().
    /// @throws Error  (usage) with the languages there are
    [[nodiscard]] std::int32_t language_index(std::string_view tag) const;

    /// Tokens in a language's split, separators included.
    [[nodiscard]] std::int64_t tokens(std::int32_t language, Split split) const;

    /// Copies tokens [first, first + out.size()) of a language's stream, widened to 32 bits.
    /// @throws Error  (internal) when the range leaves the stream; (data) when a token is not in
    /// the
    ///                vocabulary
    void window(std::int32_t language, Split split, std::int64_t first, std::span<std::int32_t> out)
        const;

    /// Asks the kernel to have tokens [first, first + count) read when window() comes for them,
    /// with what lies around them; waits for nothing. The tokens that are left out beyond the
    /// stream's end are not asked for.
    void prefetch(std::int32_t language, Split split, std::int64_t first, std::int64_t count) const;

    /// [documents + 1]: index of each document's first token, its separator; then tokens().
    [[nodiscard]] std::span<std::int64_t const> document_start(std::int32_t language, Split split)
        const;

    /// The tokenizer whose copy lies in the corpus: "bytes", or the path of the copy.
    [[nodiscard]] std::string tokenizer_name() const;

private:
    /// All that a window needs, side by side: windows are random, so nothing of it is in a cache.
    struct Stream {
        std::byte const* tokens = nullptr;     ///< in the mapped file
        std::int64_t length = 0;               ///< tokens
        std::span<std::int64_t const> starts;  ///< of documents
    };
    struct alignas(64) Language {
        std::once_flag opening;
        std::array<Stream, kSplits> streams;  ///< indexed by Split
        MappedFile file;
    };

    [[nodiscard]] Language const& opened(std::int32_t language) const;
    void open(LanguageRecord const& record, Language& language) const;

    std::filesystem::path directory_;
    CorpusManifest manifest_;
    std::unique_ptr<Language[]> languages_;  ///< opened behind a const Corpus
};

/// Hashes every file of the corpus again, and checks that document starts rise from 0 to the number
/// of tokens, each at a separator, and that all tokens are in the vocabulary.
/// @throws Error  (data) naming the first file that differs
void verify_corpus(std::filesystem::path const& directory);

}  // namespace isogloss

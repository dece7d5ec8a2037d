// support/byte_corpus.h - a corpus of bytes, laid out token by token from documents in the test.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "corpus/schema.h"
#include "storage/hdf5_writer.h"

namespace isogloss::test {

inline constexpr std::int32_t kByteSeparator = 256;
inline constexpr std::int32_t kByteVocabulary = 257;

struct ByteLanguage {
    std::string tag;
    std::vector<std::string> train;  ///< documents
    std::vector<std::string> valid;
};

/// The stream of some documents: a separator, then the bytes, one after the other.
inline std::vector<std::uint16_t> byte_stream(std::vector<std::string> const& documents) {
    std::vector<std::uint16_t> tokens;
    for (auto const& document : documents) {
        tokens.push_back(kByteSeparator);
        for (char const byte : document) {
            tokens.push_back(static_cast<unsigned char>(byte));
        }
    }
    return tokens;
}

inline SplitCounts write_split(
    Hdf5Writer& writer,
    std::string const& tag,
    Split split,
    std::vector<std::string> const& documents
) {
    auto const tokens = byte_stream(documents);
    std::vector<std::int64_t> starts;
    SplitCounts counts;
    counts.documents = static_cast<std::int64_t>(documents.size());
    counts.tokens = static_cast<std::int64_t>(tokens.size());
    for (auto const& document : documents) {
        starts.push_back(counts.bytes_of_text + static_cast<std::int64_t>(starts.size()));
        counts.bytes_of_text += static_cast<std::int64_t>(document.size());
    }
    starts.push_back(counts.tokens);
    writer.write(tokens_path(tag, split), {counts.tokens}, std::span<std::uint16_t const>(tokens));
    writer.write(
        document_start_path(tag, split), {counts.documents + 1},
        std::span<std::int64_t const>(starts)
    );
    return counts;
}

/// @param languages  in byte order of their tags
inline void write_byte_corpus(
    std::filesystem::path const& folder, std::vector<ByteLanguage> const& languages
) {
    std::filesystem::create_directories(folder);
    CorpusManifest manifest;
    manifest.tokenizer_kind = "bytes";
    manifest.tokenizer_sha256 = sha256("bytes");
    manifest.vocab_size = kByteVocabulary;
    manifest.separator = kByteSeparator;
    for (auto const& language : languages) {
        LanguageRecord record;
        record.tag = language.tag;
        record.file = language.tag + ".h5";
        record.source = "written by the test";
        record.licence = "CC0-1.0";
        Hdf5Writer writer(folder / record.file);
        record.counts(Split::train) =
            write_split(writer, language.tag, Split::train, language.train);
        record.counts(Split::valid) =
            write_split(writer, language.tag, Split::valid, language.valid);
        writer.close();
        record.file_bytes =
            static_cast<std::int64_t>(std::filesystem::file_size(folder / record.file));
        record.sha256 = sha256_file(folder / record.file);
        manifest.languages.push_back(std::move(record));
    }
    write_corpus_manifest(folder, manifest);
}

/// A document of `length` letters that repeat with a period of their own: easy to learn.
inline std::string periodic_text(std::string const& letters, std::size_t length) {
    std::string text;
    while (text.size() < length) {
        text += letters;
    }
    text.resize(length);
    return text;
}

}  // namespace isogloss::test

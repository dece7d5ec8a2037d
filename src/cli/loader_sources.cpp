// cli/loader_sources.cpp
#include "cli/loader_sources.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <vector>

#include "base/descriptor.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/require.h"
#include "corpus/corpus_part.h"
#include "storage/hdf5_writer.h"

namespace isogloss {
namespace {

constexpr std::int32_t kVocabulary = 65536;
constexpr std::int64_t kPiece = std::int64_t{1} << 20;  // tokens at a time
constexpr double kSpread = 1000.0;                      // largest language to smallest

// "qaa", "qab", ...: codes that BCP 47 leaves to private use.
std::string private_tag(std::int64_t language) {
    return {'q', static_cast<char>('a' + language / 26), static_cast<char>('a' + language % 26)};
}

// Documents of about a thousand tokens, the first of each the separator 0.
SplitCounts write_random_split(
    Hdf5Writer& writer, std::string const& tag, Split split, std::int64_t tokens
) {
    constexpr std::int64_t kDocument = 1024;
    auto const stream = random_stream(tag);
    std::vector<std::int64_t> starts;
    std::vector<std::uint16_t> piece;
    writer.create(tokens_path(tag, split), StoredType::u16, {tokens});
    for (std::int64_t first = 0; first < tokens; first += kPiece) {
        piece.resize(static_cast<std::size_t>(std::min(kPiece, tokens - first)));
        for (std::size_t i = 0; i < piece.size(); i += 4) {
            auto const bits = random_bits(1, stream, static_cast<std::uint64_t>(first) + i);
            for (std::size_t j = i; j < std::min(i + 4, piece.size()); ++j) {
                piece[j] =
                    std::max<std::uint16_t>(1, static_cast<std::uint16_t>(bits >> 16U * (j - i)));
            }
        }
        for (std::size_t i = 0; i < piece.size(); i += kDocument) {
            piece[i] = 0;
            starts.push_back(first + static_cast<std::int64_t>(i));
        }
        writer.write_rows(
            tokens_path(tag, split), first, static_cast<std::int64_t>(piece.size()),
            std::as_bytes(std::span(piece))
        );
    }
    SplitCounts counts;
    counts.documents = static_cast<std::int64_t>(starts.size());
    counts.tokens = tokens;
    counts.bytes_of_text = tokens - counts.documents;
    starts.push_back(tokens);
    writer.write(
        document_start_path(tag, split), {counts.documents + 1},
        std::span<std::int64_t const>(starts)
    );
    return counts;
}

}  // namespace

Scratch::~Scratch() {
    std::error_code ignored;  // what stays in a scratch folder harms nobody
    std::filesystem::remove_all(path_, ignored);
}

void make_random_corpus(
    std::filesystem::path const& folder, std::int64_t languages, std::int64_t bytes
) {
    require(1 <= languages && languages <= 500, "{} languages", languages);
    make_folders(folder);
    CorpusManifest manifest;
    manifest.tokenizer_kind = "bytes";
    manifest.tokenizer_sha256 = sha256("random tokens");
    manifest.vocab_size = kVocabulary;
    std::vector<double> sizes;
    double sum = 0.0;
    for (std::int64_t i = 0; i < languages; ++i) {
        sizes.push_back(std::pow(kSpread, static_cast<double>(i) / static_cast<double>(languages)));
        sum += sizes.back();
    }
    for (std::int64_t i = 0; i < languages; ++i) {
        LanguageRecord record;
        record.tag = private_tag(i);
        record.file = record.tag + ".h5";
        record.source = "random numbers";
        record.licence = "CC0-1.0";
        auto const tokens = static_cast<std::int64_t>(
            sizes[static_cast<std::size_t>(i)] / sum * static_cast<double>(bytes) / 2
        );
        Hdf5Writer writer(folder / record.file);
        record.counts(Split::train) =
            write_random_split(writer, record.tag, Split::train, std::max<std::int64_t>(2, tokens));
        record.counts(Split::valid) = write_random_split(writer, record.tag, Split::valid, 2);
        writer.close();
        record.file_bytes =
            static_cast<std::int64_t>(std::filesystem::file_size(folder / record.file));
        record.sha256 = sha256("not asked for");
        manifest.languages.push_back(std::move(record));
    }
    write_corpus_manifest(folder, manifest);
}

void write_flat_file(Corpus const& corpus, std::filesystem::path const& path) {
    auto const width = token_bytes(corpus.manifest().vocab_size);
    std::ofstream file(path, std::ios::binary);
    std::vector<std::int32_t> tokens;
    std::vector<std::uint16_t> narrow;
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(corpus.languages().size()); ++i) {
        auto const length = corpus.tokens(i, Split::train);
        for (std::int64_t first = 0; first < length; first += kPiece) {
            tokens.resize(static_cast<std::size_t>(std::min(kPiece, length - first)));
            corpus.window(i, Split::train, first, tokens);
            narrow.assign(tokens.begin(), tokens.end());
            auto const* data = width == 2 ? static_cast<void const*>(narrow.data())
                                          : static_cast<void const*>(tokens.data());
            file.write(
                static_cast<char const*>(data), static_cast<std::streamsize>(tokens.size()) * width
            );
        }
    }
    file.close();
    require_environment(
        static_cast<bool>(file), "{}: writing failed; choose another --scratch", path.string()
    );
    flush_to_disk(path);
}

void FlatFile::window(std::int64_t first, std::span<std::int32_t> out) const {
    auto const count = static_cast<std::int64_t>(out.size());
    if (token_bytes_ == 2) {
        std::ranges::copy(mapped_.elements<std::uint16_t>(2 * first, count), out.begin());
    } else {
        std::ranges::copy(mapped_.elements<std::int32_t>(4 * first, count), out.begin());
    }
}

void FlatFile::prefetch(std::int64_t first, std::int64_t count) const {
    mapped_.will_need(token_bytes_ * first, token_bytes_ * count);
}

void drop_from_cache(std::filesystem::path const& path) {
    Descriptor const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    require_environment(
        file.get() >= 0, "{}: cannot be opened: {}", path.string(), std::strerror(errno)
    );
    auto const code = ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    require_environment(
        code == 0, "{}: cannot be dropped from the page cache: {}", path.string(),
        std::strerror(code)
    );
}

}  // namespace isogloss

// corpus/corpus.cpp
#include "corpus/corpus.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/hash.h"
#include "base/require.h"
#include "storage/hdf5_file.h"

namespace isogloss {
namespace {

constexpr std::int32_t kShortVocabulary = 65536;  // ids fit 16 bits

std::size_t at(std::int32_t language) {
    return static_cast<std::size_t>(language);
}
std::size_t at(Split split) {
    return static_cast<std::size_t>(split);
}

StoredType token_type(CorpusManifest const& manifest) {
    return manifest.vocab_size <= kShortVocabulary ? StoredType::u16 : StoredType::u32;
}

void check_dataset(
    Hdf5File const& file, std::string const& dataset, StoredType type, std::int64_t length
) {
    auto const info = file.info(dataset);
    DatasetInfo const promised{.type = type, .shape = {length}};
    require_data(
        info == promised,
        "{}: {} is {} of shape [{}]; {} promises {} of shape [{}]: built for another corpus?",
        file.path().string(), dataset, name_of(info.type), fmt::join(info.shape, ", "),
        kCorpusManifest, name_of(type), length
    );
}

void check_size(std::filesystem::path const& path, LanguageRecord const& record) {
    std::error_code error;
    auto const bytes = std::filesystem::file_size(path, error);
    require_data(
        !error, "{}: is missing, but {} names it: {}", path.string(), kCorpusManifest,
        error.message()
    );
    require_data(
        static_cast<std::int64_t>(bytes) == record.file_bytes,
        "{}: has {} bytes; {} promises {}: cut short, or of another corpus", path.string(), bytes,
        kCorpusManifest, record.file_bytes
    );
}

// Widens and finds the largest in one pass over memory, which the compiler makes wide: as fast as
// the copy alone, while a second pass costs half as much again.
template <class T>
std::uint32_t widen(std::span<T const> from, std::span<std::int32_t> to) {
    std::uint32_t largest = 0;
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::uint32_t const token = from[i];
        largest = std::max(largest, token);
        to[i] = static_cast<std::int32_t>(token);
    }
    return largest;
}

// Of `count` elements that lie in the file and are aligned.
template <class T>
std::byte const* first_byte(MappedFile const& file, std::int64_t offset, std::int64_t count) {
    return std::as_bytes(file.elements<T>(offset, count)).data();
}

// `to.size()` tokens from the one at `first` on, as the file has them.
template <class T>
std::uint32_t widen(std::byte const* tokens, std::int64_t first, std::span<std::int32_t> to) {
    return widen(std::span(reinterpret_cast<T const*>(tokens) + first, to.size()), to);
}

}  // namespace

Corpus::Corpus(std::filesystem::path const& directory)
    : directory_(directory), manifest_(read_corpus_manifest(directory)) {
    if (manifest_.tokenizer_kind != "bytes") {
        auto const path = directory_ / corpus_tokenizer_file(manifest_.tokenizer_kind);
        auto const hash = sha256_file(path);
        require_data(
            hash == manifest_.tokenizer_sha256,
            "{}: has hash {}; the corpus was built with the tokenizer {}", path.string(), hash,
            manifest_.tokenizer_sha256
        );
    }
    for (auto const& record : manifest_.languages) {
        check_size(directory_ / record.file, record);
    }
    languages_ = std::make_unique<Language[]>(manifest_.languages.size());
}

Corpus::Language const& Corpus::opened(std::int32_t language) const {
    require(
        at(language) < manifest_.languages.size(), "language {} of {}", language,
        manifest_.languages.size()
    );
    auto& opened = languages_[at(language)];
    std::call_once(opened.opening, [&] { open(manifest_.languages[at(language)], opened); });
    return opened;
}

void Corpus::open(LanguageRecord const& record, Language& language) const {
    auto const path = directory_ / record.file;
    check_size(path, record);
    Hdf5File const file(path);
    MappedFile mapped(path, Access::random);
    for (auto const split : {Split::train, Split::valid}) {
        auto const tokens = tokens_path(record.tag, split);
        auto const starts = document_start_path(record.tag, split);
        auto const& counts = record.counts(split);
        check_dataset(file, tokens, token_type(manifest_), counts.tokens);
        check_dataset(file, starts, StoredType::i64, counts.documents + 1);
        auto& stream = language.streams[at(split)];
        stream.length = counts.tokens;
        auto const offset = file.file_offset(tokens);
        stream.tokens = token_type(manifest_) == StoredType::u16
                            ? first_byte<std::uint16_t>(mapped, offset, counts.tokens)
                            : first_byte<std::uint32_t>(mapped, offset, counts.tokens);
        stream.starts =
            mapped.elements<std::int64_t>(file.file_offset(starts), counts.documents + 1);
    }
    language.file = std::move(mapped);
}

std::int32_t Corpus::language_index(std::string_view tag) const {
    auto const found = std::ranges::find(manifest_.languages, tag, &LanguageRecord::tag);
    if (found == manifest_.languages.end()) {
        std::vector<std::string> tags;
        std::ranges::transform(manifest_.languages, std::back_inserter(tags), &LanguageRecord::tag);
        fail(
            Exit::usage, "{}: has no language \"{}\"; it has {}", directory_.string(), tag,
            fmt::join(tags, " ")
        );
    }
    return static_cast<std::int32_t>(found - manifest_.languages.begin());
}

std::int64_t Corpus::tokens(std::int32_t language, Split split) const {
    return manifest_.languages.at(at(language)).counts(split).tokens;
}

void Corpus::window(
    std::int32_t language, Split split, std::int64_t first, std::span<std::int32_t> out
) const {
    auto const& stream = opened(language).streams[at(split)];
    auto const& record = manifest_.languages[at(language)];
    auto const count = static_cast<std::int64_t>(out.size());
    require(
        0 <= first && first <= stream.length - count, "{} {}: tokens [{}, {}) of {}", record.tag,
        name_of(split), first, first + count, stream.length
    );
    auto const largest = token_type(manifest_) == StoredType::u16
                             ? widen<std::uint16_t>(stream.tokens, first, out)
                             : widen<std::uint32_t>(stream.tokens, first, out);
    if (static_cast<std::int64_t>(largest) >= manifest_.vocab_size) {
        fail(
            Exit::data,
            "{}: token {} in [{}, {}) of {} is not in the vocabulary of {}; run: "
            "corpus verify",
            (directory_ / record.file).string(), largest, first, first + count, name_of(split),
            manifest_.vocab_size
        );
    }
}

void Corpus::prefetch(std::int32_t language, Split split, std::int64_t first, std::int64_t count)
    const {
    auto const& mapped = opened(language);
    auto const& stream = mapped.streams[at(split)];
    auto const begin = std::clamp(first, std::int64_t{0}, stream.length);
    auto const end = std::clamp(first + count, begin, stream.length);
    if (begin == end) {
        return;
    }
    auto const width = bytes_of(token_type(manifest_));
    auto const offset = stream.tokens - mapped.file.bytes().data();
    mapped.file.will_need(offset + width * begin, width * (end - begin));
}

std::span<std::int64_t const> Corpus::document_start(std::int32_t language, Split split) const {
    return opened(language).streams[at(split)].starts;
}

std::string Corpus::tokenizer_name() const {
    auto const& kind = manifest_.tokenizer_kind;
    return kind == "bytes" ? kind : (directory_ / corpus_tokenizer_file(kind)).string();
}

namespace {

void verify_split(Corpus const& corpus, std::int32_t language, Split split) {
    auto const& record = corpus.languages()[at(language)];
    auto const what = (corpus.directory() / record.file).string() + " " + name_of(split);
    auto const length = corpus.tokens(language, split);
    auto const starts = corpus.document_start(language, split);
    require_data(
        starts.front() == 0 && starts.back() == length, "{}: documents span [{}, {}), not [0, {})",
        what, starts.front(), starts.back(), length
    );
    constexpr std::int64_t kPiece = std::int64_t{1} << 20;
    std::vector<std::int32_t> tokens;
    std::size_t document = 0;
    for (std::int64_t first = 0; first < length; first += kPiece) {
        tokens.resize(static_cast<std::size_t>(std::min(kPiece, length - first)));
        corpus.window(language, split, first, tokens);
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            auto const index = first + static_cast<std::int64_t>(i);
            bool const is_start = document + 1 < starts.size() && starts[document] == index;
            bool const is_separator = tokens[i] == corpus.manifest().separator;
            require_data(
                is_start == is_separator, "{}: token {} is {}a separator, document {} starts at {}",
                what, index, is_separator ? "" : "not ", document, starts[document]
            );
            document += is_start ? 1 : 0;
        }
    }
    require_data(
        document + 1 == starts.size(), "{}: {} of {} documents are out of order", what,
        starts.size() - 1 - document, starts.size() - 1
    );
}

}  // namespace

void verify_corpus(std::filesystem::path const& directory) {
    Corpus const corpus(directory);
    for (auto const& record : corpus.languages()) {
        auto const path = directory / record.file;
        auto const hash = sha256_file(path);
        require_data(
            hash == record.sha256, "{}: has hash {}; {} promises {}: altered since it was built",
            path.string(), hash, kCorpusManifest, record.sha256
        );
        auto const language = corpus.language_index(record.tag);
        verify_split(corpus, language, Split::train);
        verify_split(corpus, language, Split::valid);
    }
}

}  // namespace isogloss

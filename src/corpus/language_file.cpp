// corpus/language_file.cpp
#include "corpus/language_file.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/require.h"
#include "storage/hdf5_writer.h"

namespace isogloss {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kGatheredBytes = std::int64_t{8} << 20;

// Calls `take` with each document of the parts and its number.
template <class Take>
void for_each_document(std::vector<fs::path> const& parts, Take&& take) {
    std::size_t number = 0;
    for (auto const& part : parts) {
        auto const documents = read_part(part).documents;
        PartReader reader(part_documents(part));
        for (std::int64_t i = 0; i < documents; ++i) {
            DocumentEntry entry;
            reader.read(&entry, sizeof(entry));
            take(entry, number++);
        }
    }
}

std::int64_t documents_in(std::vector<fs::path> const& parts) {
    std::int64_t documents = 0;
    for (auto const& part : parts) {
        documents += read_part(part).documents;
    }
    return documents;
}

// Fills a dataset from its front through a buffer of bounded size.
class RowStream {
public:
    RowStream(Hdf5Writer& writer, std::string dataset, std::int64_t width)
        : writer_(writer), dataset_(std::move(dataset)), width_(width) {
        buffer_.reserve(static_cast<std::size_t>(kGatheredBytes));
    }

    /// Room for as many of `bytes` as fit before the next flush.
    std::span<std::byte> room(std::int64_t bytes) {
        if (static_cast<std::int64_t>(buffer_.size()) == kGatheredBytes) {
            flush();
        }
        auto const used = buffer_.size();
        auto const free = kGatheredBytes - static_cast<std::int64_t>(used);
        buffer_.resize(used + static_cast<std::size_t>(std::min(bytes, free)));
        return std::span(buffer_).subspan(used);
    }
    void flush() {
        auto const rows = static_cast<std::int64_t>(buffer_.size()) / width_;
        writer_.write_rows(dataset_, row_, rows, buffer_);
        row_ += rows;
        buffer_.clear();
    }

private:
    Hdf5Writer& writer_;
    std::string dataset_;
    std::int64_t width_;
    std::int64_t row_ = 0;
    std::vector<std::byte> buffer_;
};

void copy_bytes(PartReader& from, std::int64_t bytes, RowStream& to) {
    while (bytes > 0) {
        auto const room = to.room(bytes);
        from.read(room.data(), static_cast<std::int64_t>(room.size()));
        bytes -= static_cast<std::int64_t>(room.size());
    }
}

// The tokens of all documents of one fate; documents that follow one another are read at once.
void copy_tokens(
    std::vector<fs::path> const& parts,
    std::span<Fate const> fates,
    Fate fate,
    std::int64_t width,
    RowStream& to
) {
    std::size_t number = 0;
    for (auto const& part : parts) {
        auto const documents = read_part(part).documents;
        PartReader entries(part_documents(part));
        PartReader tokens(part_tokens(part));
        std::int64_t run = 0;  // bytes seen and neither copied nor skipped
        bool is_wanted = false;
        auto const end_run = [&] {
            if (is_wanted) {
                copy_bytes(tokens, run, to);
            } else if (run > 0) {
                tokens.skip(run);
            }
            run = 0;
        };
        for (std::int64_t i = 0; i < documents; ++i) {
            DocumentEntry entry;
            entries.read(&entry, sizeof(entry));
            bool const is_next_wanted = fates[number++] == fate;
            if (is_next_wanted != is_wanted) {
                end_run();
                is_wanted = is_next_wanted;
            }
            run += entry.tokens * width;
        }
        end_run();
    }
}

void copy_starts(
    std::vector<fs::path> const& parts, std::span<Fate const> fates, Fate fate, RowStream& to
) {
    std::int64_t start = 0;
    auto const append = [&to](std::int64_t value) {
        std::ranges::copy(std::as_bytes(std::span(&value, 1)), to.room(sizeof(value)).begin());
    };
    for_each_document(parts, [&](DocumentEntry const& entry, std::size_t number) {
        if (fates[number] == fate) {
            append(start);
            start += entry.tokens;
        }
    });
    append(start);
}

}  // namespace

std::vector<Fate> fates_of(
    std::vector<fs::path> const& parts,
    double valid_share,
    Duplicates duplicates,
    LanguageRecord& record
) {
    auto const documents = documents_in(parts);
    std::vector<Fate> fates(static_cast<std::size_t>(documents));
    TextHashSet seen(duplicates == Duplicates::drop ? documents : 0);
    for_each_document(parts, [&](DocumentEntry const& entry, std::size_t number) {
        if (duplicates == Duplicates::drop && !seen.insert(entry.hash)) {
            fates[number] = Fate::duplicate;
            ++record.duplicates;
            return;
        }
        auto const split = split_of(entry.hash, valid_share);
        fates[number] = split == Split::train ? Fate::train : Fate::valid;
        record.counts(split) += {
            .documents = 1,
            .tokens = entry.tokens,
            .bytes_of_text = entry.bytes,
            .words = entry.words,
            .characters = entry.characters,
            .unspaced = entry.unspaced,
        };
    });
    return fates;
}

void write_language_file(
    std::vector<fs::path> const& parts,
    std::vector<Fate> const& fates,
    Tokenizer const& tokenizer,
    fs::path const& folder,
    LanguageRecord& record
) {
    auto const path = folder / record.file;
    auto const partial = with_ending(path, ".partial");
    auto const width = token_bytes(tokenizer.vocab_size());
    Hdf5Writer writer(partial);
    for (auto const split : {Split::train, Split::valid}) {
        auto const fate = split == Split::train ? Fate::train : Fate::valid;
        auto const& counts = record.counts(split);
        auto const tokens = tokens_path(record.tag, split);
        writer.create(tokens, width == 2 ? StoredType::u16 : StoredType::u32, {counts.tokens});
        RowStream token_stream(writer, tokens, width);
        copy_tokens(parts, fates, fate, width, token_stream);
        token_stream.flush();
        auto const starts = document_start_path(record.tag, split);
        writer.create(starts, StoredType::i64, {counts.documents + 1});
        RowStream start_stream(writer, starts, sizeof(std::int64_t));
        copy_starts(parts, fates, fate, start_stream);
        start_stream.flush();
        auto const group = "/" + record.tag + "/" + name_of(split);
        writer.integer_attribute(group, "documents", counts.documents);
        writer.integer_attribute(group, "bytes_of_text", counts.bytes_of_text);
    }
    writer.text_attribute("/" + record.tag, "source", record.source);
    writer.text_attribute("/" + record.tag, "licence", record.licence);
    writer.text_attribute("/" + record.tag, "tokenizer_sha256", tokenizer.sha256());
    writer.integer_attribute("/", "schema", kCorpusSchema);
    writer.close();
    fs::rename(partial, path);
    record.file_bytes = static_cast<std::int64_t>(fs::file_size(path));
    record.sha256 = sha256_file(path);
}

}  // namespace isogloss

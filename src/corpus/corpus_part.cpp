// corpus/corpus_part.cpp
#include "corpus/corpus_part.h"

#include <span>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/require.h"
#include "corpus/text_counts.h"

namespace isogloss {
namespace {

namespace fs = std::filesystem;

// Appends to a file and looks after each write, so that a failure is seen where it happens.
class RawWriter {
public:
    explicit RawWriter(fs::path path) : path_(std::move(path)), file_(path_, std::ios::binary) {
        check();
    }

    template <class T>
    void append(std::span<T const> values) {
        file_.write(
            reinterpret_cast<char const*>(values.data()),
            static_cast<std::streamsize>(values.size_bytes())
        );
        check();
    }
    void close() {
        file_.close();
        check();
        flush_to_disk(path_);
    }

private:
    void check() const {
        require_environment(
            static_cast<bool>(file_),
            "{}: writing failed; is the folder writable, and has the disk room?", path_.string()
        );
    }

    fs::path path_;
    std::ofstream file_;
};

// Tokenizes documents into the two raw files of a part.
class PartWriter {
public:
    PartWriter(fs::path const& part, Tokenizer const& tokenizer)
        : tokenizer_(tokenizer),
          tokens_(part_tokens(part)),
          documents_(part_documents(part)),
          width_(token_bytes(tokenizer.vocab_size())) {}

    void add(std::string const& document) {
        ids_.clear();
        tokenizer_.encode_document(document, ids_);
        if (width_ == 2) {
            narrow_.assign(ids_.begin(), ids_.end());
            tokens_.append(std::span<std::uint16_t const>(narrow_));
        } else {
            tokens_.append(std::span<std::int32_t const>(ids_));
        }
        auto const counts = count_text(document);
        DocumentEntry const entry{
            .hash = text_hash(document),
            .tokens = static_cast<std::int64_t>(ids_.size()),
            .bytes = static_cast<std::int64_t>(document.size()),
            .words = counts.words,
            .characters = counts.characters,
            .unspaced = counts.unspaced,
        };
        documents_.append(std::span(&entry, 1));
        ++record_.documents;
        record_.tokens += entry.tokens;
    }
    PartRecord close() {
        tokens_.close();
        documents_.close();
        return record_;
    }

private:
    Tokenizer const& tokenizer_;
    RawWriter tokens_;
    RawWriter documents_;
    std::int64_t width_;
    std::vector<std::int32_t> ids_;
    std::vector<std::uint16_t> narrow_;
    PartRecord record_;
};

// Reads one range and adds its documents, records and faults.
class RangeReading {
public:
    RangeReading(
        PartPlan const& plan, PartWriter& writer, std::function<void(std::int64_t)> const& advance
    )
        : plan_(plan), writer_(writer), advance_(advance) {}

    // False when asked to stop.
    bool read(FileRange const& range, PartRecord& record) {
        require_data(
            fs::file_size(range.file) == static_cast<std::uintmax_t>(range.file_bytes),
            "{}: had {} bytes when the input was listed, and has no longer; build from files that "
            "do not change",
            range.file.string(), range.file_bytes
        );
        bool const is_whole = range.begin == 0 && range.end == range.file_bytes;
        TextReader reader(
            range.file, plan_.format,
            is_whole ? ByteRange{} : ByteRange{.begin = range.begin, .end = range.end}
        );
        std::int64_t read = 0;
        while (reader.next(document_)) {
            writer_.add(document_);
            advance_(reader.file_bytes_read() - read);
            read = reader.file_bytes_read();
            if (plan_.stop && plan_.stop()) {
                return false;
            }
        }
        record.records += reader.records();
        record.faults.add(reader.faults());
        return true;
    }

private:
    PartPlan const& plan_;
    PartWriter& writer_;
    std::function<void(std::int64_t)> const& advance_;
    std::string document_;
};

void write_record(fs::path const& part, PartRecord const& record) {
    Json const value{
        {"fingerprint", record.fingerprint}, {"documents", record.documents},
        {"tokens", record.tokens},           {"records", record.records},
        {"faults", to_json(record.faults)},
    };
    write_json(part_record(part), value);
}

bool has_size(fs::path const& path, std::int64_t bytes) {
    std::error_code error;
    auto const size = fs::file_size(path, error);
    return !error && static_cast<std::int64_t>(size) == bytes;
}

}  // namespace

fs::path part_tokens(fs::path const& part) {
    return with_ending(part, ".tokens");
}
fs::path part_documents(fs::path const& part) {
    return with_ending(part, ".documents");
}
fs::path part_record(fs::path const& part) {
    return with_ending(part, ".json");
}

PartRecord read_part(fs::path const& part) {
    auto const path = part_record(part);
    auto const where = path.string();
    auto const value = read_json(path);
    return {
        .fingerprint = json_get<std::string>(value, "fingerprint", where),
        .documents = json_get<std::int64_t>(value, "documents", where),
        .tokens = json_get<std::int64_t>(value, "tokens", where),
        .records = json_get<std::int64_t>(value, "records", where),
        .faults = fault_counts(json_get<Json>(value, "faults", where), where),
    };
}

bool is_finished(fs::path const& part, std::string const& fingerprint, std::int64_t token_width) {
    if (!fs::exists(part_record(part))) {
        return false;
    }
    auto const record = read_part(part);
    auto const entry_bytes = static_cast<std::int64_t>(sizeof(DocumentEntry));
    return record.fingerprint == fingerprint &&
           has_size(part_tokens(part), record.tokens * token_width) &&
           has_size(part_documents(part), record.documents * entry_bytes);
}

void make_part(
    PartPlan const& plan,
    Tokenizer const& tokenizer,
    std::function<void(std::int64_t)> const& advance
) {
    if (is_finished(plan.part, plan.fingerprint, token_bytes(tokenizer.vocab_size()))) {
        advance(plan.piece.bytes());
        return;
    }
    fs::remove(part_record(plan.part));  // first: no record may stand beside files being written
    PartWriter writer(plan.part, tokenizer);
    RangeReading reading(plan, writer, advance);
    PartRecord read;
    for (auto const& range : plan.piece.ranges) {
        if (!reading.read(range, read)) {
            return;
        }
    }
    auto record = writer.close();
    record.fingerprint = plan.fingerprint;
    record.records = read.records;
    record.faults = read.faults;
    write_record(plan.part, record);
}

PartReader::PartReader(fs::path path) : path_(std::move(path)), file_(path_, std::ios::binary) {
    require_data(file_.is_open(), "{}: cannot be opened for reading", path_.string());
}

void PartReader::read(void* out, std::int64_t bytes) {
    file_.read(static_cast<char*>(out), bytes);
    require_data(file_.gcount() == bytes, "{}: ends early", path_.string());
}

void PartReader::skip(std::int64_t bytes) {
    file_.seekg(bytes, std::ios::cur);
}

void remove_part(fs::path const& part) {
    std::error_code ignored;  // what is not there need not go
    fs::remove(part_record(part), ignored);
    fs::remove(part_tokens(part), ignored);
    fs::remove(part_documents(part), ignored);
}

}  // namespace isogloss

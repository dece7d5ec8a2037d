// corpus/corpus_part.cpp
#include "corpus/corpus_part.h"

#include <fstream>
#include <span>
#include <vector>

#include "base/hash.h"
#include "base/require.h"

namespace isogloss {
namespace {

namespace fs = std::filesystem;

fs::path with_ending(fs::path part, char const* ending) {
    part += ending;
    return part;
}

// Appends to a file through a buffer of our own, so that each failure is seen where it happens.
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

// The two files of one split.
class SplitWriter {
public:
    SplitWriter(fs::path const& part, Split split, std::int32_t vocab_size)
        : tokens_(part_tokens(part, split)),
          lengths_(part_lengths(part, split)),
          width_(token_bytes(vocab_size)) {}

    void add(std::span<std::int32_t const> tokens, std::int64_t bytes_of_text) {
        if (width_ == 2) {
            narrow_.assign(tokens.begin(), tokens.end());
            tokens_.append(std::span<std::uint16_t const>(narrow_));
        } else {
            tokens_.append(tokens);
        }
        auto const length = static_cast<std::int64_t>(tokens.size());
        lengths_.append(std::span<std::int64_t const>(&length, 1));
        ++counts_.documents;
        counts_.tokens += length;
        counts_.bytes_of_text += bytes_of_text;
    }
    SplitCounts close() {
        tokens_.close();
        lengths_.close();
        return counts_;
    }

private:
    RawWriter tokens_;
    RawWriter lengths_;
    std::int64_t width_;
    std::vector<std::uint16_t> narrow_;
    SplitCounts counts_;
};

void write_record(fs::path const& part, PartRecord const& record) {
    Json value{{"fingerprint", record.fingerprint}, {"records", record.records}};
    value["faults"] = to_json(record.faults);
    for (auto const split : {Split::train, Split::valid}) {
        value[name_of(split)] = to_json(record.splits[static_cast<std::size_t>(split)]);
    }
    write_json(with_ending(part, ".json"), value);
}

bool is_finished(PartPlan const& plan) {
    if (!fs::exists(with_ending(plan.part, ".json"))) {
        return false;
    }
    return read_part(plan.part).fingerprint == plan.fingerprint;
}

}  // namespace

Split split_of(std::string const& document, double valid_share) {
    constexpr int kHexDigits = 16;
    auto const bits = std::stoull(sha256(document).substr(0, kHexDigits), nullptr, 16);
    auto const fraction = static_cast<double>(bits >> 11U) * 0x1.0p-53;
    return fraction < valid_share ? Split::valid : Split::train;
}

fs::path part_tokens(fs::path const& part, Split split) {
    return with_ending(part, split == Split::train ? ".train.tokens" : ".valid.tokens");
}
fs::path part_lengths(fs::path const& part, Split split) {
    return with_ending(part, split == Split::train ? ".train.lengths" : ".valid.lengths");
}

PartRecord read_part(fs::path const& part) {
    auto const path = with_ending(part, ".json");
    auto const where = path.string();
    auto const value = read_json(path);
    PartRecord record;
    record.fingerprint = json_get<std::string>(value, "fingerprint", where);
    record.records = json_get<std::int64_t>(value, "records", where);
    record.faults = fault_counts(json_get<Json>(value, "faults", where), where);
    for (auto const split : {Split::train, Split::valid}) {
        record.splits[static_cast<std::size_t>(split)] =
            split_counts(json_get<Json>(value, name_of(split), where), where);
    }
    return record;
}

void make_part(
    PartPlan const& plan,
    Tokenizer const& tokenizer,
    std::function<void(std::int64_t)> const& advance
) {
    if (is_finished(plan)) {
        advance(static_cast<std::int64_t>(fs::file_size(plan.text)));
        return;
    }
    TextReader reader(plan.text, plan.format);
    std::array<SplitWriter, kSplits> writers{
        SplitWriter(plan.part, Split::train, tokenizer.vocab_size()),
        SplitWriter(plan.part, Split::valid, tokenizer.vocab_size())};
    std::string document;
    std::vector<std::int32_t> tokens;
    std::int64_t read = 0;
    while (reader.next(document)) {
        tokens.assign(1, tokenizer.separator());
        tokenizer.encode(document, tokens);
        auto const split = split_of(document, plan.valid_share);
        writers[static_cast<std::size_t>(split)].add(
            tokens, static_cast<std::int64_t>(document.size())
        );
        if (reader.file_bytes_read() != read) {
            advance(reader.file_bytes_read() - read);
            read = reader.file_bytes_read();
        }
    }
    PartRecord record{
        .fingerprint = plan.fingerprint,
        .splits = {writers[0].close(), writers[1].close()},
        .records = reader.records(),
        .faults = reader.faults(),
    };
    write_record(plan.part, record);
}

void remove_part(fs::path const& part) {
    std::error_code ignored;  // what is not there need not go
    for (auto const split : {Split::train, Split::valid}) {
        fs::remove(part_tokens(part, split), ignored);
        fs::remove(part_lengths(part, split), ignored);
    }
    fs::remove(with_ending(part, ".json"), ignored);
}

}  // namespace isogloss

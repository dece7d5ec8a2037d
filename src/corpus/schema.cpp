// corpus/schema.cpp
#include "corpus/schema.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string_view>

#include "base/text.h"

namespace isogloss {
namespace {

bool is_letter(char c) {
    return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z');
}

// A count as it is written: no fraction, no sign, nothing that would be cut to fit.
std::int64_t count_of(Json const& value, char const* key, std::string const& where) {
    constexpr std::int64_t kMost = std::int64_t{1} << 60;  // so that sums of some fit
    auto const found = json_get<Json>(value, key, where);
    bool const fits = found.is_number_unsigned()
                          ? found.get<std::uint64_t>() <= static_cast<std::uint64_t>(kMost)
                          : found.is_number_integer() && found.get<std::int64_t>() >= 0;
    require_data(fits, "{}: \"{}\" is {}, not a count up to 2^60", where, key, found.dump());
    return found.get<std::int64_t>();
}

std::int32_t id_count(Json const& value, char const* key, std::string const& where) {
    auto const count = count_of(value, key, where);
    require_data(
        count <= std::numeric_limits<std::int32_t>::max(), "{}: \"{}\" is {}: ids have 31 bits",
        where, key, count
    );
    return static_cast<std::int32_t>(count);
}

}  // namespace

std::string corpus_tokenizer_file(std::string const& tokenizer_kind) {
    return tokenizer_kind == "huggingface" ? "tokenizer.json" : "tokenizer.model";
}

SplitCounts& SplitCounts::operator+=(SplitCounts const& other) {
    documents += other.documents;
    tokens += other.tokens;
    bytes_of_text += other.bytes_of_text;
    words += other.words;
    characters += other.characters;
    unspaced += other.unspaced;
    return *this;
}

std::int64_t LanguageRecord::faulty() const {
    return std::accumulate(faults.begin(), faults.end(), std::int64_t{0});
}

SplitCounts LanguageRecord::both_splits() const {
    auto sum = counts(Split::train);
    return sum += counts(Split::valid);
}

Json to_json(SplitCounts const& counts) {
    return {
        {"documents", counts.documents},         {"tokens", counts.tokens},
        {"bytes_of_text", counts.bytes_of_text}, {"words", counts.words},
        {"characters", counts.characters},       {"unspaced", counts.unspaced},
    };
}

SplitCounts split_counts(Json const& value, std::string const& where) {
    SplitCounts const counts{
        .documents = count_of(value, "documents", where),
        .tokens = count_of(value, "tokens", where),
        .bytes_of_text = count_of(value, "bytes_of_text", where),
        .words = count_of(value, "words", where),
        .characters = count_of(value, "characters", where),
        .unspaced = count_of(value, "unspaced", where),
    };
    require_data(
        counts.documents <= counts.tokens && counts.unspaced <= counts.characters,
        "{}: {} documents, {} tokens, {} characters, {} of scripts without blanks cannot be", where,
        counts.documents, counts.tokens, counts.characters, counts.unspaced
    );
    return counts;
}

bool is_language_tag(std::string const& tag) {
    constexpr std::size_t kLongest = 35;
    if (tag.empty() || tag.size() > kLongest) {
        return false;
    }
    for (std::size_t begin = 0; begin <= tag.size();) {
        auto const end = std::min(tag.find('-', begin), tag.size());
        auto const subtag = std::string_view(tag).substr(begin, end - begin);
        bool const is_first = begin == 0;
        bool const is_long_enough = subtag.size() >= (is_first ? 2U : 1U);
        bool const is_short_enough = subtag.size() <= (is_first ? 3U : 8U);
        bool const is_plain = std::ranges::all_of(subtag, [is_first](char c) {
            return is_letter(c) || (is_digit(c) && !is_first);
        });
        if (!is_long_enough || !is_short_enough || !is_plain) {
            return false;
        }
        begin = end + 1;
    }
    return true;
}

std::string tokens_path(std::string const& tag, Split split) {
    return "/" + tag + "/" + name_of(split) + "/tokens";
}

std::string document_start_path(std::string const& tag, Split split) {
    return "/" + tag + "/" + name_of(split) + "/document_start";
}

namespace {

Json faults_json(LanguageRecord const& record) {
    Json value = Json::object();
    for (std::size_t i = 0; i < kFaults; ++i) {
        value[name_of(static_cast<Fault>(i))] = record.faults[i];
    }
    return value;
}

}  // namespace

Json to_json(LanguageRecord const& record) {
    return {
        {"tag", record.tag},
        {"file", record.file},
        {"file_bytes", record.file_bytes},
        {"sha256", record.sha256},
        {"source", record.source},
        {"licence", record.licence},
        {"records", record.records},
        {"duplicates", record.duplicates},
        {"faults", faults_json(record)},
        {"train", to_json(record.counts(Split::train))},
        {"valid", to_json(record.counts(Split::valid))},
    };
}

LanguageRecord language_record(Json const& value, std::string const& where) {
    LanguageRecord record;
    record.tag = json_get<std::string>(value, "tag", where);
    require_data(
        is_language_tag(record.tag), "{}: \"{}\" is not a BCP 47 language tag", where, record.tag
    );
    auto const place = where + ": language " + record.tag;
    record.file = json_get<std::string>(value, "file", place);
    require_data(
        record.file == record.tag + ".h5",
        "{}: names the file \"{}\"; it must be {}.h5 in the corpus itself", place, record.file,
        record.tag
    );
    record.file_bytes = count_of(value, "file_bytes", place);
    record.sha256 = json_get<std::string>(value, "sha256", place);
    record.source = json_get<std::string>(value, "source", place);
    record.licence = json_get<std::string>(value, "licence", place);
    record.records = count_of(value, "records", place);
    record.duplicates = count_of(value, "duplicates", place);
    auto const faults = json_get<Json>(value, "faults", place);
    for (std::size_t i = 0; i < kFaults; ++i) {
        auto const* const name = name_of(static_cast<Fault>(i));
        record.faults[i] = count_of(faults, name, place);
    }
    for (auto const split : {Split::train, Split::valid}) {
        require_data(value.contains(name_of(split)), "{}: has no split {}", place, name_of(split));
        record.counts(split) = split_counts(value.at(name_of(split)), place);
    }
    return record;
}

CorpusManifest read_corpus_manifest(std::filesystem::path const& directory) {
    auto const path = directory / kCorpusManifest;
    auto const where = path.string();
    require_data(
        std::filesystem::exists(path), "{}: not a corpus, {} is missing; was its build finished?",
        directory.string(), kCorpusManifest
    );
    auto const value = read_json(path);
    auto const schema = count_of(value, "schema", where);
    require_data(
        schema == kCorpusSchema,
        "{}: has schema {}; this program reads schema {}: build the corpus again from its text",
        where, schema, kCorpusSchema
    );
    auto const tokenizer = json_get<Json>(value, "tokenizer", where);
    CorpusManifest manifest{
        .tokenizer_kind = json_get<std::string>(tokenizer, "kind", where),
        .tokenizer_sha256 = json_get<std::string>(tokenizer, "sha256", where),
        .vocab_size = id_count(tokenizer, "vocab_size", where),
        .separator = id_count(tokenizer, "separator", where),
        .valid_share = json_get<double>(value, "valid_share", where),
        .languages = {},
    };
    require_data(
        0.0 <= manifest.valid_share && manifest.valid_share < 1.0,
        "{}: \"valid_share\" is {}, not in [0, 1)", where, manifest.valid_share
    );
    require_data(
        manifest.separator < manifest.vocab_size, "{}: separator {} is not in a vocabulary of {}",
        where, manifest.separator, manifest.vocab_size
    );
    auto const languages = json_get<Json>(value, "languages", where);
    require_data(languages.is_array(), "{}: \"languages\" is not a list", where);
    for (auto const& entry : languages) {
        manifest.languages.push_back(language_record(entry, where));
    }
    auto const not_rising = std::ranges::adjacent_find(
        manifest.languages, std::ranges::greater_equal(), &LanguageRecord::tag
    );
    require_data(
        not_rising == manifest.languages.end(), "{}: languages are not in order, or come twice",
        where
    );
    return manifest;
}

void write_corpus_manifest(std::filesystem::path const& directory, CorpusManifest const& manifest) {
    Json languages = Json::array();
    for (auto const& record : manifest.languages) {
        languages.push_back(to_json(record));
    }
    Json const value{
        {"schema", kCorpusSchema},
        {"tokenizer",
         {{"kind", manifest.tokenizer_kind},
          {"sha256", manifest.tokenizer_sha256},
          {"vocab_size", manifest.vocab_size},
          {"separator", manifest.separator}}},
        {"valid_share", manifest.valid_share},
        {"languages", languages},
    };
    write_json(directory / kCorpusManifest, value);
}

}  // namespace isogloss

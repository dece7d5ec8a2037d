// corpus/corpus_builder.cpp
#include "corpus/corpus_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "base/file.h"
#include "base/hash.h"
#include "base/require.h"
#include "storage/hdf5_writer.h"
#include "storage/mapped_file.h"

namespace isogloss {
namespace {

namespace fs = std::filesystem;

constexpr char const* kParts = "parts";
constexpr std::int64_t kCopyBytes = std::int64_t{8} << 20;

fs::path with_ending(fs::path path, char const* ending) {
    path += ending;
    return path;
}

std::string fingerprint_of(
    fs::path const& file, BuildPlan const& plan, Tokenizer const& tokenizer
) {
    auto const time = fs::last_write_time(file).time_since_epoch().count();
    return sha256(fmt::format(
        "{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}", kCorpusSchema, fs::absolute(file).string(),
        fs::file_size(file), time, static_cast<int>(plan.format.layout), plan.format.field,
        plan.format.max_bytes, plan.valid_share, tokenizer.sha256()
    ));
}

std::string file_names(LanguageInput const& language) {
    std::string names;
    for (auto const& file : language.files) {
        names += (names.empty() ? "" : " ") + file.filename().string();
    }
    return names;
}

// Copies raw elements from a part into a dataset, from element `first` on.
void copy_elements(
    fs::path const& from,
    std::int64_t width,
    Hdf5Writer& writer,
    std::string const& dataset,
    std::int64_t first
) {
    MappedFile const file(from, Access::sequential);
    auto const bytes = file.bytes();
    auto const total = static_cast<std::int64_t>(bytes.size());
    for (std::int64_t done = 0; done < total; done += kCopyBytes) {
        auto const count = std::min(kCopyBytes, total - done);
        writer.write_rows(
            dataset, first + done / width, count / width,
            bytes.subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(count))
        );
    }
}

}  // namespace

std::vector<int> share_out(std::vector<std::int64_t> const& sizes, int ranks) {
    std::vector<std::size_t> order(sizes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](auto a, auto b) { return sizes[a] > sizes[b]; });
    std::vector<std::int64_t> load(static_cast<std::size_t>(ranks), 0);
    std::vector<int> rank_of(sizes.size());
    for (auto const task : order) {
        auto const least = std::ranges::min_element(load);
        *least += sizes[task];
        rank_of[task] = static_cast<int>(least - load.begin());
    }
    return rank_of;
}

CorpusBuilder::CorpusBuilder(BuildPlan const& plan, Tokenizer const& tokenizer)
    : plan_(plan),
      tokenizer_(tokenizer),
      partial_(with_ending(without_last_slash(plan.out), ".partial")) {
    require_usage(
        0.0 <= plan.valid_share && plan.valid_share < 1.0, "the valid share is {}, not in [0, 1)",
        plan.valid_share
    );
    require_usage(
        !fs::exists(plan.out) || (fs::is_directory(plan.out) && fs::is_empty(plan.out)),
        "{}: exists; remove it or choose another name", plan.out.string()
    );
    for (std::size_t language = 0; language < plan.languages.size(); ++language) {
        first_item_.push_back(items_.size());
        auto const& files = plan.languages[language].files;
        for (std::size_t file = 0; file < files.size(); ++file) {
            items_.push_back({.language = language, .file = file});
            item_bytes_.push_back(static_cast<std::int64_t>(fs::file_size(files[file])));
            item_fingerprints_.push_back(fingerprint_of(files[file], plan, tokenizer));
        }
    }
    first_item_.push_back(items_.size());
}

fs::path CorpusBuilder::part_path(Item item) const {
    auto const& tag = plan_.languages[item.language].tag;
    return partial_ / kParts / fmt::format("{}-{:05}", tag, item.file);
}

fs::path CorpusBuilder::record_path(std::size_t language) const {
    return partial_ / kParts / (plan_.languages[language].tag + ".json");
}

PartPlan CorpusBuilder::part_plan(Item item) const {
    return {
        .text = plan_.languages[item.language].files[item.file],
        .part = part_path(item),
        .fingerprint = item_fingerprints_[first_item_[item.language] + item.file],
        .format = plan_.format,
        .valid_share = plan_.valid_share,
    };
}

std::string CorpusBuilder::language_fingerprint(std::size_t language) const {
    auto all = fmt::format("{}\n{}\n{}", plan_.source, plan_.licence, plan_.max_bad);
    for (auto item = first_item_[language]; item < first_item_[language + 1]; ++item) {
        all += "\n" + item_fingerprints_[item];
    }
    return sha256(all);
}

bool CorpusBuilder::is_finished(std::size_t language) const {
    auto const path = record_path(language);
    if (!fs::exists(path) || !fs::exists(partial_ / (plan_.languages[language].tag + ".h5"))) {
        return false;
    }
    auto const fingerprint = json_get<std::string>(read_json(path), "fingerprint", path.string());
    return fingerprint == language_fingerprint(language);
}

void CorpusBuilder::prepare() const {
    make_folders(partial_ / kParts);
    std::set<fs::path> wanted;
    for (std::size_t language = 0; language < plan_.languages.size(); ++language) {
        if (is_finished(language)) {
            wanted.insert(record_path(language));
            wanted.insert(partial_ / (plan_.languages[language].tag + ".h5"));
        }
    }
    for (auto const& item : items_) {
        auto const part = part_path(item);
        for (auto const split : {Split::train, Split::valid}) {
            wanted.insert(part_tokens(part, split));
            wanted.insert(part_lengths(part, split));
        }
        wanted.insert(with_ending(part, ".json"));
    }
    for (auto const& folder : {partial_, partial_ / kParts}) {
        for (auto const& entry : fs::directory_iterator(folder)) {
            if (!entry.is_directory() && !wanted.contains(entry.path())) {
                fs::remove(entry.path());
            }
        }
    }
    tokenizer_.save(partial_ / kCorpusTokenizer);
}

std::vector<CorpusBuilder::Item> CorpusBuilder::items_of_rank(int rank, int ranks) const {
    auto const rank_of = share_out(item_bytes_, ranks);
    std::vector<Item> mine;
    for (std::size_t i = 0; i < items_.size(); ++i) {
        if (rank_of[i] == rank) {
            mine.push_back(items_[i]);
        }
    }
    return mine;
}

std::int64_t CorpusBuilder::bytes_of_rank(int rank, int ranks) const {
    std::int64_t bytes = 0;
    for (auto const& item : items_of_rank(rank, ranks)) {
        bytes += item_bytes_[first_item_[item.language] + item.file];
    }
    return bytes;
}

void CorpusBuilder::make_parts(
    int rank, int ranks, std::function<void(std::int64_t, std::string const&)> const& advance
) const {
    for (auto const& item : items_of_rank(rank, ranks)) {
        auto const& tag = plan_.languages[item.language].tag;
        if (is_finished(item.language)) {
            advance(item_bytes_[first_item_[item.language] + item.file], tag);
            continue;
        }
        make_part(part_plan(item), tokenizer_, [&](std::int64_t bytes) { advance(bytes, tag); });
    }
}

LanguageReport CorpusBuilder::gather(std::size_t language) const {
    auto const& input = plan_.languages[language];
    LanguageReport report;
    report.record.tag = input.tag;
    report.record.file = input.tag + ".h5";
    report.record.source = plan_.source.empty() ? file_names(input) : plan_.source;
    report.record.licence = plan_.licence;
    for (std::size_t file = 0; file < input.files.size(); ++file) {
        auto const part = read_part(part_path({.language = language, .file = file}));
        report.records += part.records;
        report.faults.add(part.faults);
        for (std::size_t split = 0; split < kSplits; ++split) {
            auto& counts = report.record.splits[split];
            counts.documents += part.splits[split].documents;
            counts.tokens += part.splits[split].tokens;
            counts.bytes_of_text += part.splits[split].bytes_of_text;
        }
    }
    return report;
}

void CorpusBuilder::write_language(std::size_t language, LanguageReport& report) const {
    auto& record = report.record;
    auto const path = partial_ / record.file;
    auto const width = token_bytes(tokenizer_.vocab_size());
    auto const type = width == 2 ? StoredType::u16 : StoredType::u32;
    Hdf5Writer writer(with_ending(path, ".partial"));
    for (auto const split : {Split::train, Split::valid}) {
        auto const tokens = tokens_path(record.tag, split);
        writer.create(tokens, type, {record.counts(split).tokens});
        std::vector<std::int64_t> starts{0};
        std::int64_t first = 0;
        for (std::size_t file = 0; file < plan_.languages[language].files.size(); ++file) {
            auto const part = part_path({.language = language, .file = file});
            copy_elements(part_tokens(part, split), width, writer, tokens, first);
            MappedFile const lengths(part_lengths(part, split), Access::sequential);
            auto const documents = static_cast<std::int64_t>(lengths.bytes().size() / 8);
            for (auto const length : lengths.elements<std::int64_t>(0, documents)) {
                starts.push_back(starts.back() + length);
            }
            first = starts.back();
        }
        auto const documents = static_cast<std::int64_t>(starts.size());
        writer.write<std::int64_t>(document_start_path(record.tag, split), {documents}, starts);
        auto const group = "/" + record.tag + "/" + name_of(split);
        writer.integer_attribute(group, "documents", record.counts(split).documents);
        writer.integer_attribute(group, "bytes_of_text", record.counts(split).bytes_of_text);
    }
    writer.text_attribute("/" + record.tag, "source", record.source);
    writer.text_attribute("/" + record.tag, "licence", record.licence);
    writer.text_attribute("/" + record.tag, "tokenizer_sha256", tokenizer_.sha256());
    writer.integer_attribute("/", "schema", kCorpusSchema);
    writer.close();
    fs::rename(with_ending(path, ".partial"), path);
    record.file_bytes = static_cast<std::int64_t>(fs::file_size(path));
    record.sha256 = sha256_file(path);
}

std::string CorpusBuilder::assemble_language(std::size_t language) const {
    auto report = gather(language);
    auto const& input = plan_.languages[language];
    auto const bad = report.faults.total();
    auto const share = 100.0 * static_cast<double>(bad) /
                       static_cast<double>(std::max(std::int64_t{1}, report.records));
    if (share > plan_.max_bad) {
        std::string places;
        for (auto const& place : report.faults.places) {
            places += "\n  " + place;
        }
        for (std::size_t file = 0; file < input.files.size(); ++file) {
            remove_part(part_path({.language = language, .file = file}));
        }
        return fmt::format(
            "{}: {} of {} records are bad ({:.3g} %), more than --max-bad {:.3g} %; the first "
            "are{}",
            input.tag, bad, report.records, share, plan_.max_bad, places
        );
    }
    write_language(language, report);
    Json value{{"fingerprint", language_fingerprint(language)}, {"records", report.records}};
    value["faults"] = to_json(report.faults);
    value["record"] = to_json(report.record);
    write_json(record_path(language), value);
    for (std::size_t file = 0; file < input.files.size(); ++file) {
        remove_part(part_path({.language = language, .file = file}));
    }
    return "";
}

std::string CorpusBuilder::assemble(int rank, int ranks) const {
    std::vector<std::int64_t> sizes;
    for (std::size_t language = 0; language < plan_.languages.size(); ++language) {
        auto const begin = item_bytes_.begin() + static_cast<std::ptrdiff_t>(first_item_[language]);
        auto const end =
            item_bytes_.begin() + static_cast<std::ptrdiff_t>(first_item_[language + 1]);
        sizes.push_back(std::accumulate(begin, end, std::int64_t{0}));
    }
    auto const rank_of = share_out(sizes, ranks);
    std::string problem;
    for (std::size_t language = 0; language < plan_.languages.size(); ++language) {
        if (rank_of[language] == rank && !is_finished(language)) {
            auto const text = assemble_language(language);
            problem += (problem.empty() || text.empty() ? "" : "\n") + text;
        }
    }
    return problem;
}

std::vector<LanguageReport> CorpusBuilder::commit() const {
    std::vector<LanguageReport> reports;
    CorpusManifest manifest{
        .tokenizer_kind = tokenizer_.kind(),
        .tokenizer_sha256 = tokenizer_.sha256(),
        .vocab_size = tokenizer_.vocab_size(),
        .separator = tokenizer_.separator(),
        .valid_share = plan_.valid_share,
        .languages = {},
    };
    for (std::size_t language = 0; language < plan_.languages.size(); ++language) {
        auto const path = record_path(language);
        auto const where = path.string();
        auto const value = read_json(path);
        reports.push_back({
            .record = language_record(json_get<Json>(value, "record", where), where),
            .records = json_get<std::int64_t>(value, "records", where),
            .faults = fault_counts(json_get<Json>(value, "faults", where), where),
        });
        manifest.languages.push_back(reports.back().record);
    }
    write_corpus_manifest(partial_, manifest);
    fs::remove_all(partial_ / kParts);
    std::error_code error;
    fs::rename(partial_, plan_.out, error);
    require_environment(
        !error, "{}: cannot be renamed to {}: {}", partial_.string(), plan_.out.string(),
        error.message()
    );
    flush_to_disk(fs::absolute(plan_.out).parent_path());
    return reports;
}

void CorpusBuilder::clean_up() const {
    std::error_code ignored;  // what is left is removed by the next build's prepare()
    fs::remove_all(partial_, ignored);
}

}  // namespace isogloss

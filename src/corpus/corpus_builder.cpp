// corpus/corpus_builder.cpp
#include "corpus/corpus_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/require.h"
#include "corpus/share_out.h"

namespace isogloss {
namespace {

namespace fs = std::filesystem;

bool is_empty_folder(fs::path const& path) {
    return fs::is_directory(path) && fs::is_empty(path);
}

void rename_or_fail(fs::path const& from, fs::path const& to) {
    std::error_code error;
    fs::rename(from, to, error);
    require_environment(
        !error, "{}: cannot be renamed to {}: {}", from.string(), to.string(), error.message()
    );
}

}  // namespace

CorpusBuilder::CorpusBuilder(BuildPlan const& plan, Tokenizer const& tokenizer)
    : plan_(plan), tokenizer_(tokenizer), records_(plan, tokenizer) {
    require_usage(
        0.0 <= plan.valid_share && plan.valid_share < 1.0, "the valid share is {}, not in [0, 1)",
        plan.valid_share
    );
    for (std::size_t language = 0; language < plan.languages.size(); ++language) {
        auto const& pieces = plan.languages[language].pieces;
        for (std::size_t piece = 0; piece < pieces.size(); ++piece) {
            items_.push_back({.language = language, .piece = piece});
            item_bytes_.push_back(pieces[piece].bytes());
        }
    }
    if (plan.mode == BuildMode::create) {
        begin_new();
    } else {
        begin_adding();
    }
}

// A build that was killed between its renaming and its end left its records in OUT.
void CorpusBuilder::begin_new() {
    if (!fs::exists(plan_.out) || is_empty_folder(plan_.out)) {
        return;
    }
    bool is_complete = fs::exists(parts_folder(plan_.out));
    if (is_complete) {
        records_.set_work(without_last_slash(plan_.out));
    }
    for (std::size_t language = 0; is_complete && language < plan_.languages.size(); ++language) {
        is_complete = records_.is_finished(language);
    }
    require_usage(
        is_complete,
        "{}: exists; remove it, choose another name, or add languages to it with --add",
        plan_.out.string()
    );
}

// A build that was killed between its new manifest and its end left its records in OUT.partial.
void CorpusBuilder::begin_adding() {
    old_ = read_corpus_manifest(plan_.out);
    require_usage(
        old_.tokenizer_sha256 == tokenizer_.sha256(),
        "{}: was built with the tokenizer {}, not {}; add with that one", plan_.out.string(),
        old_.tokenizer_sha256, tokenizer_.sha256()
    );
    require_usage(
        old_.separator == tokenizer_.separator(),
        "{}: its documents begin with token {}, not {}; add with that separator",
        plan_.out.string(), old_.separator, tokenizer_.separator()
    );
    require_usage(
        old_.valid_share == plan_.valid_share, "{}: holds out {} of the documents, not {}",
        plan_.out.string(), old_.valid_share, plan_.valid_share
    );
    for (std::size_t language = 0; language < plan_.languages.size(); ++language) {
        auto const& tag = plan_.languages[language].tag;
        auto const found = std::ranges::find(old_.languages, tag, &LanguageRecord::tag);
        require_usage(
            found == old_.languages.end() || records_.is_finished(language),
            "{}: has {} already; a language's text is not changed: build another corpus, or choose "
            "another tag",
            plan_.out.string(), tag
        );
    }
}

void CorpusBuilder::prepare() const {
    auto const& work = records_.work();
    make_folders(records_.parts());
    std::set<fs::path> wanted;
    for (std::size_t language = 0; language < plan_.languages.size(); ++language) {
        if (records_.is_finished(language)) {
            wanted.insert(records_.record_path(language));
            wanted.insert(work / (plan_.languages[language].tag + ".h5"));
        }
    }
    for (auto const& [language, piece] : items_) {
        auto const part = records_.part_path(language, piece);
        wanted.insert({part_tokens(part), part_documents(part), part_record(part)});
    }
    for (auto const& folder : {work, records_.parts()}) {
        for (auto const& entry : fs::directory_iterator(folder)) {
            if (!entry.is_directory() && !wanted.contains(entry.path())) {
                fs::remove(entry.path());
            }
        }
    }
    if (plan_.mode == BuildMode::create) {
        tokenizer_.save(work / corpus_tokenizer_file(tokenizer_.kind()));
    }
}

std::vector<std::size_t> CorpusBuilder::items_of_rank(int rank, int ranks) const {
    auto const rank_of = share_out(item_bytes_, ranks);
    std::vector<std::size_t> mine;
    for (std::size_t i = 0; i < items_.size(); ++i) {
        if (rank_of[i] == rank) {
            mine.push_back(i);
        }
    }
    return mine;
}

std::int64_t CorpusBuilder::bytes_of_rank(int rank, int ranks) const {
    std::int64_t bytes = 0;
    for (auto const item : items_of_rank(rank, ranks)) {
        bytes += item_bytes_[item];
    }
    return bytes;
}

void CorpusBuilder::make_parts(
    int rank, int ranks, std::function<void(std::int64_t, std::string const&)> const& advance
) const {
    std::vector<bool> finished;  // asked once a language, not once a piece
    for (std::size_t language = 0; language < plan_.languages.size(); ++language) {
        finished.push_back(records_.is_finished(language));
    }
    for (auto const i : items_of_rank(rank, ranks)) {
        if (plan_.stop && plan_.stop()) {
            return;
        }
        auto const& item = items_[i];
        auto const& language = plan_.languages[item.language];
        if (finished[item.language]) {
            advance(item_bytes_[i], language.tag);
            continue;
        }
        make_part(
            {.piece = language.pieces[item.piece],
             .part = records_.part_path(item.language, item.piece),
             .fingerprint = records_.piece_fingerprint(item.language, item.piece),
             .format = plan_.format,
             .stop = plan_.stop},
            tokenizer_, [&](std::int64_t bytes) { advance(bytes, language.tag); }
        );
    }
}

LanguageReport CorpusBuilder::gather(std::size_t language) const {
    auto const& text = plan_.languages[language];
    LanguageReport report;
    report.record.tag = text.tag;
    report.record.file = text.tag + ".h5";
    report.record.source = plan_.source.empty() ? text.source : plan_.source;
    report.record.licence = plan_.licence;
    FaultCounts faults;
    for (auto const& path : records_.parts_of(language)) {
        auto const part = read_part(path);
        report.record.records += part.records;
        faults.add(part.faults);
    }
    report.record.faults = faults.counts;
    report.places = faults.places;
    return report;
}

std::string CorpusBuilder::too_many_faults(LanguageReport const& report) const {
    auto const bad = report.record.faulty();
    auto const share = 100.0 * static_cast<double>(bad) /
                       static_cast<double>(std::max(std::int64_t{1}, report.record.records));
    if (share <= plan_.max_bad) {
        return "";
    }
    std::string places;
    for (auto const& place : report.places) {
        places += "\n  " + place;
    }
    return fmt::format(
        "{}: {} of {} records are bad ({:.3g} %), more than --max-bad {:.3g} %; the first are{}",
        report.record.tag, bad, report.record.records, share, plan_.max_bad, places
    );
}

std::string CorpusBuilder::assemble_language(std::size_t language) const {
    auto const parts = records_.parts_of(language);
    auto report = gather(language);
    auto problem = too_many_faults(report);
    if (problem.empty()) {
        auto& record = report.record;
        auto const fates = fates_of(parts, plan_.valid_share, plan_.duplicates, record);
        write_language_file(parts, fates, tokenizer_, records_.work(), record);
        records_.write(language, report);
    }
    std::ranges::for_each(parts, remove_part);
    return problem;
}

std::string CorpusBuilder::assemble(int rank, int ranks) const {
    std::vector<std::int64_t> sizes;
    for (auto const& language : plan_.languages) {
        sizes.push_back(language.bytes());
    }
    auto const rank_of = share_out(sizes, ranks);
    std::string problem;
    for (std::size_t language = 0; language < plan_.languages.size(); ++language) {
        if (plan_.stop && plan_.stop()) {
            break;
        }
        if (rank_of[language] == rank && !records_.is_finished(language)) {
            auto const text = assemble_language(language);
            problem += (problem.empty() || text.empty() ? "" : "\n") + text;
        }
    }
    return problem;
}

CorpusManifest CorpusBuilder::manifest_of(std::vector<LanguageReport> const& reports) const {
    CorpusManifest manifest{
        .tokenizer_kind = tokenizer_.kind(),
        .tokenizer_sha256 = tokenizer_.sha256(),
        .vocab_size = tokenizer_.vocab_size(),
        .separator = tokenizer_.separator(),
        .valid_share = plan_.valid_share,
        .languages = old_.languages,
    };
    for (auto const& report : reports) {
        auto const& tag = report.record.tag;
        if (std::ranges::count(old_.languages, tag, &LanguageRecord::tag) == 0) {
            manifest.languages.push_back(report.record);
        }
    }
    std::ranges::sort(manifest.languages, {}, &LanguageRecord::tag);
    return manifest;
}

void CorpusBuilder::move_into_place() const {
    for (auto const& language : plan_.languages) {
        auto const name = language.tag + ".h5";
        if (fs::exists(records_.work() / name)) {
            rename_or_fail(records_.work() / name, plan_.out / name);
        }
    }
    flush_to_disk(plan_.out);
}

std::vector<LanguageReport> CorpusBuilder::commit() const {
    std::vector<LanguageReport> reports;
    for (std::size_t language = 0; language < plan_.languages.size(); ++language) {
        reports.push_back(records_.read(language));
    }
    auto const manifest = manifest_of(reports);
    if (plan_.mode == BuildMode::add) {
        move_into_place();
        write_corpus_manifest(plan_.out, manifest);
        flush_to_disk(plan_.out);
        clean_up();
        return reports;
    }
    write_corpus_manifest(records_.work(), manifest);
    if (records_.work() != without_last_slash(plan_.out)) {
        rename_or_fail(records_.work(), plan_.out);
    }
    flush_to_disk(fs::absolute(without_last_slash(plan_.out)).parent_path());
    std::error_code ignored;  // the corpus is whole with it, too
    fs::remove_all(parts_folder(plan_.out), ignored);
    return reports;
}

void CorpusBuilder::clean_up() const {
    std::error_code ignored;  // what is left is removed by the next build's prepare()
    fs::remove_all(records_.work(), ignored);
}

}  // namespace isogloss

// corpus/build_records.cpp
#include "corpus/build_records.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

namespace isogloss {
namespace {

namespace fs = std::filesystem;

}  // namespace

BuildRecords::BuildRecords(BuildPlan const& plan, Tokenizer const& tokenizer)
    : plan_(plan),
      tokenizer_(tokenizer),
      work_(with_ending(without_last_slash(plan.out), ".partial")) {
    for (auto const& language : plan.languages) {
        auto& its = pieces_.emplace_back();
        for (auto const& piece : language.pieces) {
            its.push_back(fingerprint(piece));
        }
    }
}

fs::path BuildRecords::part_path(std::size_t language, std::size_t piece) const {
    return parts() / fmt::format("{}-{:05}", plan_.languages[language].tag, piece);
}

std::vector<fs::path> BuildRecords::parts_of(std::size_t language) const {
    std::vector<fs::path> paths;
    for (std::size_t piece = 0; piece < pieces_[language].size(); ++piece) {
        paths.push_back(part_path(language, piece));
    }
    return paths;
}

fs::path BuildRecords::record_path(std::size_t language) const {
    return parts() / (plan_.languages[language].tag + ".json");
}

std::string BuildRecords::fingerprint(InputPiece const& piece) const {
    auto text = fmt::format(
        "{}\n{}\n{}\n{}\n{}\n{}", kCorpusSchema, static_cast<int>(plan_.format.layout),
        plan_.format.field, plan_.format.max_bytes, tokenizer_.sha256(), tokenizer_.separator()
    );
    for (auto const& range : piece.ranges) {
        text += fmt::format(
            "\n{}\n{} {} {} {}", range.file.string(), range.file_bytes, range.modified, range.begin,
            range.end
        );
    }
    return sha256(text);
}

std::string BuildRecords::language_fingerprint(std::size_t language) const {
    auto all = fmt::format(
        "{}\n{}\n{}\n{}\n{}", plan_.source, plan_.licence, plan_.max_bad, plan_.valid_share,
        static_cast<int>(plan_.duplicates)
    );
    for (auto const& piece : pieces_[language]) {
        all += "\n" + piece;
    }
    return sha256(all);
}

LanguageReport BuildRecords::read(std::size_t language) const {
    auto const where = record_path(language).string();
    auto const value = read_json(where);
    return {
        .record = language_record(json_get<Json>(value, "record", where), where),
        .places = json_get<std::vector<std::string>>(value, "places", where),
    };
}

void BuildRecords::write(std::size_t language, LanguageReport const& report) const {
    write_json(
        record_path(language), {{"fingerprint", language_fingerprint(language)},
                                {"record", to_json(report.record)},
                                {"places", report.places}}
    );
}

bool BuildRecords::is_finished(std::size_t language) const {
    auto const path = record_path(language);
    if (!fs::exists(path)) {
        return false;
    }
    auto const fingerprint = json_get<std::string>(read_json(path), "fingerprint", path.string());
    if (fingerprint != language_fingerprint(language)) {
        return false;
    }
    auto const record = read(language).record;
    auto const placed = plan_.out / record.file;
    return fs::exists(work_ / record.file) || (plan_.mode == BuildMode::add && fs::exists(placed) &&
                                               sha256_file(placed) == record.sha256);
}

}  // namespace isogloss

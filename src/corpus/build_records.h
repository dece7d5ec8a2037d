// corpus/build_records.h - what a build has finished, told from files, so that it can go on.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "corpus/build_plan.h"
#include "corpus/schema.h"
#include "corpus/tokenizer.h"

namespace isogloss {

/// What became of one language's text.
struct LanguageReport {
    LanguageRecord record;
    std::vector<std::string> places;  ///< of the first faults
};

/// Where a build keeps its parts and records; gone when the corpus is whole.
inline std::filesystem::path parts_folder(std::filesystem::path const& work) {
    return work / "parts";
}

/// The files of a build in its work folder, and whether they are of this very build: they say the
/// fingerprint of their text, the tokenizer and the plan.
class BuildRecords {
public:
    /// Keeps references: both must outlive it.
    BuildRecords(BuildPlan const& plan, Tokenizer const& tokenizer);

    /// OUT.partial, until the build was killed after its renaming: then OUT.
    [[nodiscard]] std::filesystem::path const& work() const { return work_; }
    void set_work(std::filesystem::path work) { work_ = std::move(work); }
    [[nodiscard]] std::filesystem::path parts() const { return parts_folder(work_); }

    /// Of one piece of a language, without an ending.
    [[nodiscard]] std::filesystem::path part_path(std::size_t language, std::size_t piece) const;
    [[nodiscard]] std::vector<std::filesystem::path> parts_of(std::size_t language) const;
    [[nodiscard]] std::string const& piece_fingerprint(std::size_t language, std::size_t piece)
        const {
        return pieces_[language][piece];
    }

    [[nodiscard]] std::filesystem::path record_path(std::size_t language) const;
    /// @throws Error  (data) when the record is bad
    [[nodiscard]] LanguageReport read(std::size_t language) const;
    /// The language's file must be there.
    void write(std::size_t language, LanguageReport const& report) const;
    /// A record of this build, with its file in the work folder, or, to be added, already in place.
    [[nodiscard]] bool is_finished(std::size_t language) const;

private:
    [[nodiscard]] std::string fingerprint(InputPiece const& piece) const;
    [[nodiscard]] std::string language_fingerprint(std::size_t language) const;

    BuildPlan const& plan_;
    Tokenizer const& tokenizer_;
    std::filesystem::path work_;
    std::vector<std::vector<std::string>> pieces_;  ///< [language][piece] fingerprints
};

}  // namespace isogloss

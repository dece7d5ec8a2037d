// corpus/corpus_builder.h - text into a corpus, by any number of ranks, with the same bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "corpus/corpus_part.h"
#include "corpus/input_list.h"
#include "corpus/schema.h"
#include "corpus/tokenizer.h"

namespace isogloss {

/// What a corpus is to be made from, the same on every rank.
struct BuildPlan {
    std::vector<LanguageInput> languages{};  ///< in byte order of their tags
    std::filesystem::path out;
    TextFormat format{};
    double valid_share = 0.01;  ///< of the documents
    double max_bad = 1.0;       ///< per cent of a language's records that may be bad
    std::string source{};       ///< for people; empty: the names of the files
    std::string licence{};
};

/// What became of one language's text.
struct LanguageReport {
    LanguageRecord record;
    std::int64_t records = 0;
    FaultCounts faults;
};

/// Builds in OUT.partial and renames it to OUT at the end, so a build that is killed leaves no
/// corpus. The same build started again goes on with the parts and languages that are finished.
///
///     CorpusBuilder builder(plan, tokenizer);           // every rank
///     rank 0: builder.prepare();                        // then a barrier
///     every rank: builder.make_parts(rank, ranks, ...); // then a barrier
///     every rank: problem = builder.assemble(rank, ranks);
///     if any rank has a problem: all stop; else rank 0: builder.commit();
///
/// Files are shared out by size, then languages by size. A language's file depends on its text, the
/// tokenizer and the plan only.
class CorpusBuilder {
public:
    /// Keeps references: both must outlive it.
    /// @throws Error  (usage) when OUT exists or the plan cannot be; (data) when text is missing
    CorpusBuilder(BuildPlan const& plan, Tokenizer const& tokenizer);

    /// Makes OUT.partial and removes from it what belongs to another build. Rank 0.
    void prepare() const;

    /// Bytes of text files that this rank is to read.
    [[nodiscard]] std::int64_t bytes_of_rank(int rank, int ranks) const;

    /// Tokenizes this rank's share of the files.
    /// @param advance  called with bytes read and the language
    void make_parts(
        int rank, int ranks, std::function<void(std::int64_t, std::string const&)> const& advance
    ) const;

    /// Joins the parts of this rank's share of the languages into their files. Returns what is
    /// wrong with a language's text ("" if nothing), whose parts are then gone.
    std::string assemble(int rank, int ranks) const;

    /// Writes the manifest and renames. Rank 0, after all others are done.
    std::vector<LanguageReport> commit() const;

    /// Removes OUT.partial, finished languages and all. Rank 0, after a problem.
    void clean_up() const;

private:
    struct Item {
        std::size_t language = 0;
        std::size_t file = 0;
    };

    [[nodiscard]] std::filesystem::path part_path(Item item) const;
    [[nodiscard]] std::filesystem::path record_path(std::size_t language) const;
    [[nodiscard]] PartPlan part_plan(Item item) const;
    [[nodiscard]] std::string language_fingerprint(std::size_t language) const;
    [[nodiscard]] bool is_finished(std::size_t language) const;
    [[nodiscard]] std::vector<Item> items_of_rank(int rank, int ranks) const;
    [[nodiscard]] LanguageReport gather(std::size_t language) const;
    std::string assemble_language(std::size_t language) const;
    void write_language(std::size_t language, LanguageReport& report) const;

    BuildPlan const& plan_;
    Tokenizer const& tokenizer_;
    std::filesystem::path partial_;
    std::vector<Item> items_;               ///< all files of all languages
    std::vector<std::int64_t> item_bytes_;  ///< of the files
    std::vector<std::string> item_fingerprints_;
    std::vector<std::size_t> first_item_;  ///< [languages + 1]
};

/// Shares tasks out: task i goes to rank result[i]. Largest first, each to the rank with the least
/// so far (the lower on ties); at most 4/3 of the best possible (Graham 1969, theorem 2).
std::vector<int> share_out(std::vector<std::int64_t> const& sizes, int ranks);

}  // namespace isogloss

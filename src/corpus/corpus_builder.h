// corpus/corpus_builder.h - text into a corpus, by any number of ranks, with the same bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "corpus/build_plan.h"
#include "corpus/build_records.h"
#include "corpus/schema.h"
#include "corpus/tokenizer.h"

namespace isogloss {

/// Builds in OUT.partial. A new corpus is that folder, renamed to OUT at the end; languages to add
/// are moved into OUT, and then the manifest is replaced. So a build that is killed leaves no
/// corpus, or the old one whole; the same build started again goes on with the parts and languages
/// that are finished, wherever it was killed.
///
///     CorpusBuilder builder(plan, tokenizer);           // every rank
///     rank 0: builder.prepare();                        // then a barrier
///     every rank: builder.make_parts(rank, ranks, ...); // then a barrier
///     every rank: problem = builder.assemble(rank, ranks);
///     if any rank has a problem: all stop; else rank 0: builder.commit();
///
/// After plan.stop has said yes, make_parts and assemble end early and what they leave is not
/// finished: it must then go on saying yes, and the caller must ask it before the next phase.
///
/// Pieces are shared out by size, then languages by size. A language's file depends on its text,
/// the tokenizer and the plan only.
class CorpusBuilder {
public:
    /// Keeps references: both must outlive it.
    /// @throws Error  (usage) when OUT exists, or for `add`: when it has one of the languages, or
    ///                another tokenizer or valid share; (data) when OUT's manifest is bad
    CorpusBuilder(BuildPlan const& plan, Tokenizer const& tokenizer);

    /// Makes OUT.partial and removes from it what belongs to another build. Rank 0.
    void prepare() const;

    /// Bytes of text files that this rank is to read.
    [[nodiscard]] std::int64_t bytes_of_rank(int rank, int ranks) const;

    /// Tokenizes this rank's share of the pieces.
    /// @param advance  called with bytes read and the language
    void make_parts(
        int rank, int ranks, std::function<void(std::int64_t, std::string const&)> const& advance
    ) const;

    /// Joins the parts of this rank's share of the languages into their files. Returns what is
    /// wrong with a language's text ("" if nothing), whose parts are then gone.
    std::string assemble(int rank, int ranks) const;

    /// Writes the manifest; then the corpus is there. Rank 0, after all others are done.
    std::vector<LanguageReport> commit() const;

    /// Removes OUT.partial, finished languages and all. Rank 0, after a problem.
    void clean_up() const;

private:
    struct Item {
        std::size_t language = 0;
        std::size_t piece = 0;
    };

    void begin_new();
    void begin_adding();
    [[nodiscard]] std::vector<std::size_t> items_of_rank(int rank, int ranks) const;
    [[nodiscard]] LanguageReport gather(std::size_t language) const;
    [[nodiscard]] std::string too_many_faults(LanguageReport const& report) const;
    std::string assemble_language(std::size_t language) const;
    [[nodiscard]] CorpusManifest manifest_of(std::vector<LanguageReport> const& reports) const;
    void move_into_place() const;

    BuildPlan const& plan_;
    Tokenizer const& tokenizer_;
    BuildRecords records_;
    CorpusManifest old_;       ///< `add`: of the corpus that is there
    std::vector<Item> items_;  ///< all pieces of all languages
    std::vector<std::int64_t> item_bytes_;
};

}  // namespace isogloss

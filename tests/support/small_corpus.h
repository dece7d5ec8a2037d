// support/small_corpus.h - a corpus of generated text.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "corpus/corpus_builder.h"
#include "support/small_text.h"
#include "support/temporary_folder.h"

namespace isogloss::test {

/// Runs a build as `ranks` ranks in turn, as the command does under mpirun.
inline std::vector<LanguageReport> build_corpus(
    BuildPlan const& plan, Tokenizer const& tokenizer, int ranks
) {
    CorpusBuilder const builder(plan, tokenizer);
    builder.prepare();
    for (int rank = 0; rank < ranks; ++rank) {
        builder.make_parts(rank, ranks, [](std::int64_t, std::string const&) {});
    }
    std::string problem;
    for (int rank = 0; rank < ranks; ++rank) {
        problem += builder.assemble(rank, ranks);
    }
    if (!problem.empty()) {
        builder.clean_up();
        throw Error(Exit::data, problem);
    }
    return builder.commit();
}

/// Two files each of el and en, one of zh; different sizes.
inline std::vector<LanguageInput> small_inputs(TemporaryFolder const& folder) {
    write_content(folder / "el-0.jsonl", jsonl_of("el", 0, 40));
    write_content(folder / "el-1.jsonl", jsonl_of("el", 40, 100));
    write_content(folder / "en-0.jsonl", jsonl_of("en", 0, 200));
    write_content(folder / "en-1.jsonl", jsonl_of("en", 200, 210));
    write_content(folder / "zh.jsonl", jsonl_of("zh", 0, 50));
    return {
        {"el", {folder / "el-0.jsonl", folder / "el-1.jsonl"}},
        {"en", {folder / "en-0.jsonl", folder / "en-1.jsonl"}},
        {"zh", {folder / "zh.jsonl"}},
    };
}

/// The same, cut as the command does by default.
inline std::vector<LanguageText> small_texts(TemporaryFolder const& folder) {
    return cut_input(small_inputs(folder), kInputPieceBytes);
}

/// Builds it with the tokenizer of bytes; returns its folder.
inline std::filesystem::path small_corpus(TemporaryFolder const& folder) {
    BuildPlan plan;
    plan.languages = small_texts(folder);
    plan.out = folder / "corpus";
    plan.valid_share = 0.2;
    plan.licence = "CC0-1.0";
    build_corpus(plan, Tokenizer::open("bytes"), 1);
    return folder / "corpus";
}

}  // namespace isogloss::test

// cli/prompts.h - the prompts of `generate`: text or ids, as tokens that a model reads.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/options.h"
#include "checkpoint/manifest.h"
#include "corpus/tokenizer.h"
#include "model/generation.h"

namespace isogloss {

/// What a user gives. One of the first three.
struct PromptOptions {
    std::string text;
    std::filesystem::path file;    ///< one prompt a line
    std::string tokens;            ///< "1,2,3;4,5": ids as they are, prompts apart by ';'
    std::string tokenizer;         ///< empty: of the corpus, or bytes where the model has those
    std::filesystem::path corpus;  ///< whose tokenizer it is

    /// Adds the options and their rules.
    void describe(Options& options);
};

struct Prompts {
    std::vector<std::string> texts;  ///< empty strings of ids
    std::vector<Tokens> tokens;  ///< of text with the separator before it: a document's beginning
};

/// The tokenizer that the options name, or none where only ids are given.
/// @throws Error  (usage) when there is none for text; (data) when it is not the checkpoint's
std::optional<Tokenizer> tokenizer_of(
    PromptOptions const& options, StoredCheckpoint const& checkpoint
);

/// @throws Error  (usage) for ids that are no numbers or a file without a line; (data) when the
///         file cannot be read
Prompts read_prompts(PromptOptions const& options, std::optional<Tokenizer> const& tokenizer);

}  // namespace isogloss

// train/evaluation.h - how well a model predicts held-out text, language by language.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/table.h"
#include "comm/mpi_comm.h"
#include "corpus/corpus.h"
#include "model/language_model.h"
#include "train/routing_shares.h"
#include "train/strided_text.h"

namespace isogloss {

/// Score of one language.
struct LanguageScore {
    std::string language;
    double loss_sum = 0.0;       ///< nats, over the counted targets
    std::int64_t targets = 0;    ///< tokens predicted
    double bytes_of_text = 0.0;  ///< UTF-8 bytes that these tokens stand for

    /// Nats a token.
    [[nodiscard]] double loss() const;
    /// exp(loss): per token, so it compares models with one tokenizer only.
    [[nodiscard]] double perplexity() const;
    /// loss_sum / (ln 2 bytes_of_text): compares languages and tokenizers.
    [[nodiscard]] double bits_per_byte() const;
};

/// How text is cut into rows.
enum class Protocol : std::uint8_t {
    rows,     ///< all text, row after row; context ends at borders of rows and documents
    strided,  ///< random documents in one stream, through a window (train/strided_text.h)
};

struct EvaluationRequest {
    std::vector<std::string> languages;  ///< tags of the corpus; empty: all
    Split split = Split::valid;
    Protocol protocol = Protocol::rows;
    std::int64_t row_length = 512;  ///< T, of Protocol::rows
    StridedConfig strided{};        ///< of Protocol::strided
    std::int64_t rows = 8;          ///< of one forward pass, a rank
    std::int64_t max_tokens = 0;    ///< a language, rounded up to whole rows; 0: all
    /// In hard mode every row goes to the expert of its language. Its labels are left empty.
    PassRouting routing{};
    /// In hard mode: of every row, whatever its language.
    std::optional<std::int32_t> forced_expert = std::nullopt;
    RoutingShares* shares = nullptr;  ///< out: of the languages scored; null: not wanted
    ProgressStyle progress = ProgressStyle::none;  ///< shown by rank 0
    std::string label = "evaluate";                ///< of the progress
    /// Asked on every rank before each forward pass; when any rank says yes, all stop. May be
    /// empty.
    std::function<bool()> stop;
};

/// Scores in the order of the languages; a language whose split has fewer than 2 tokens is left
/// out. Nothing when stopped before the end. Collective over `world`; same answer on every rank.
/// No forward pass has padding, so shares count the tokens of the text alone; with strided windows
/// those that are context count again in each window that has them.
/// @throws Error  (usage) when a language is not in the corpus, or, with hard routing, has no
/// expert
std::optional<std::vector<LanguageScore>> evaluate(
    LanguageModel& model,
    Corpus const& corpus,
    EvaluationRequest const& request,
    MpiComm const& world
);

/// Warns, on rank 0, of the languages that evaluate() leaves out, by name.
void warn_without_text(
    EvaluationRequest const& request, Corpus const& corpus, MpiComm const& world, Log& log
);

/// {"el": {"loss": ..., "perplexity": ..., "bits_per_byte": ..., "tokens": ..., "bytes": ...}, ...}
Json to_json(std::vector<LanguageScore> const& scores);

/// A row a language.
Table to_table(std::vector<LanguageScore> const& scores);

}  // namespace isogloss

// train/expert_scan.h - which expert serves new languages best: perplexity with each one forced.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/progress.h"
#include "base/table.h"
#include "comm/mpi_comm.h"
#include "corpus/corpus.h"
#include "model/language_model.h"

namespace isogloss {

struct ScanRequest {
    std::vector<std::string> languages;  ///< of one new group
    Split split = Split::valid;
    std::int64_t row_length = 512;
    std::int64_t rows = 8;        ///< of one forward pass, a rank
    std::int64_t max_tokens = 0;  ///< of each language, rounded up to whole rows; 0: all
    ProgressStyle progress = ProgressStyle::none;
    std::function<bool()> stop;  ///< asked before each pass, as in EvaluationRequest; may be empty
};

/// One expert, forced in every layer that has a router.
struct ExpertScore {
    std::int32_t expert = 0;
    std::string group = {};               ///< the languages it is for
    std::vector<double> perplexity = {};  ///< of each language, a token
    double together = 0.0;                ///< of all tokens of the languages
};

struct ExpertScan {
    std::vector<std::string> languages;
    std::vector<std::int64_t> tokens;  ///< predicted, of each language
    std::vector<ExpertScore> experts;
    std::int32_t best = 0;              ///< least perplexity together, the first of equals
    std::vector<std::int32_t> best_of;  ///< of each language alone
};

/// DMoE's choice of the expert to copy for a new group of languages (arXiv:2506.12388): the rows of
/// Protocol::rows with hard routing to expert 0, 1, ... in turn. Nothing when stopped. Collective
/// over `world`; same answer on every rank.
/// @throws Error  (usage) when no layer has a router, when layers differ in their number of
/// experts,
///         or when a language is not in the corpus or has no text in the split
std::optional<ExpertScan> scan_experts(
    LanguageModel& model, Corpus const& corpus, ScanRequest const& request, MpiComm const& world
);

/// Experts of every layer that has a router.
/// @throws Error  (usage) when there is none, or they differ
std::int32_t scannable_experts(ModelConfig const& config);

/// {"experts": [{"expert": 0, "group": "ru,uk", "perplexity": {"be": x}, "together": x}, ...],
///  "best": 0, "best_of": {"be": 0}, "tokens": {"be": n}}
Json to_json(ExpertScan const& scan);

/// A row an expert.
Table to_table(ExpertScan const& scan);

}  // namespace isogloss

// train/language_similarity.h - how alike languages look to each layer: LayerMoE's statistic.
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

/// Which text a similarity is measured on (arXiv:2505.22582; numbers as released).
struct SimilarityText {
    Split split = Split::train;
    std::int64_t tokens = 100000;           ///< Q, of each language
    std::int64_t longest_document = 32000;  ///< tokens; a longer document is skipped
    std::int64_t longest_row = 10000;       ///< tokens of a document that are read at most
};

struct SimilarityRequest {
    std::vector<std::string> new_languages;
    std::vector<std::string> old_languages;
    SimilarityText text;
    PassRouting routing;  ///< of the model as it is
    ProgressStyle progress = ProgressStyle::none;
    std::function<bool()> stop;  ///< asked before each pass, as in EvaluationRequest; may be empty
};

/// m = mean over Q tokens of x / |x|, where x is the input of a layer's feed-forward.
struct LanguageDirection {
    std::string language;
    std::int64_t tokens = 0;     ///< Q
    std::int64_t documents = 0;  ///< they are from
    std::int64_t skipped = 0;    ///< documents that were too long
    std::vector<double> mean;    ///< [layer][D]
};

/// What the directions say about each layer l:
///     s_l(a, b) = <m_l(a), m_l(b)>, the mean of all Q Q cosines
///     new_new_l = mean of s_l over pairs of new languages, each pair once
///     new_old_l = mean of s_l over all pairs of a new and an old language
///     similarity_l = (new_new_l + new_old_l) / 2; new_old_l where there is one new language
struct LayerSimilarity {
    std::vector<LanguageDirection> languages;  ///< the new ones, then the old ones
    std::int64_t num_new = 0;
    std::vector<std::vector<std::vector<double>>> pairs;  ///< [layer][a][b]
    std::vector<double> new_new;                          ///< [layer]; empty: one new language
    std::vector<double> new_old;                          ///< [layer]
    std::vector<double> similarity;                       ///< [layer]
};

/// A part of a language's stream that is one row: a document from its separator on.
struct DocumentRow {
    std::int64_t first = 0;
    std::int64_t length = 0;
    std::int64_t counted = 0;  ///< tokens at its front that count: all but in the last row
};

struct DocumentRows {
    std::vector<DocumentRow> rows;
    std::int64_t tokens = 0;   ///< counted, of all rows
    std::int64_t skipped = 0;  ///< documents passed over because they are too long
};

/// The first documents of a language, in order, until text.tokens are counted; fewer where the
/// language has no more.
DocumentRows first_documents(
    Corpus const& corpus, std::int32_t language, SimilarityText const& text
);

/// @param languages  new ones first
/// @param num_new    of them, at least 1; the others are old, at least 1
LayerSimilarity compare_languages(
    std::vector<LanguageDirection> languages, std::int64_t num_new, std::int64_t num_layers
);

/// One forward pass a document, which ranks share out. Sums over documents are made in fixed-point
/// numbers, so that no order of adding shows: where the ranks compute a document to the same bits,
/// the result has the same bits on any number of them. Nothing when stopped. Collective over
/// `world`; same answer on every rank.
/// @throws Error  (usage) naming every language that the corpus lacks, that is named twice, or that
///         has too few tokens, with what was found
std::optional<LayerSimilarity> measure_similarity(
    LanguageModel& model,
    Corpus const& corpus,
    SimilarityRequest const& request,
    MpiComm const& world
);

/// {"similarity": [S], "new_new": [...], "new_old": [...], "languages": {"el": {"role": "new",
/// ...}},
///  "pairs": [[[...]]], "tokens": Q}
Json to_json(LayerSimilarity const& similarity);

/// A row a layer.
Table to_table(LayerSimilarity const& similarity);

}  // namespace isogloss

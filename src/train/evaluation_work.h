// train/evaluation_work.h - which rows of which languages an evaluation reads, pass by pass.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/math.h"
#include "comm/mpi_comm.h"
#include "corpus/batch.h"
#include "corpus/loader.h"
#include "train/evaluation.h"
#include "train/strided_text.h"

namespace isogloss {

/// What is to be scored of one language: `rows` rows, all of one length but the last, which may be
/// shorter and then has a pass of its own.
struct EvaluationWork {
    std::string language;
    std::variant<ValidationSet, StridedWindows> set;
    std::int64_t rows = 0;
    std::int64_t full_rows = 0;
    std::int32_t expert = -1;    ///< of hard routing
    double bytes_of_text = 0.0;  ///< of the whole text, whose
    double targets = 0.0;        ///< tokens but the first are these
};

/// Indices in the corpus of the languages that the request means.
/// @throws Error  (usage) when one is not in the corpus
std::vector<std::int32_t> languages_of(EvaluationRequest const& request, Corpus const& corpus);

/// One entry a language with text, in the request's order.
/// @throws Error  (usage) as evaluate() does
std::vector<EvaluationWork> plan_evaluation(
    EvaluationRequest const& request, Corpus const& corpus, ModelConfig const& config
);

/// The rows of the pass that begins at row `first`, at most `most`.
Range pass_rows(EvaluationWork const& work, std::int64_t first, std::int64_t most);

/// This rank's part of a pass, without padding.
Batch read_part(EvaluationWork const& work, Range rows, MpiComm const& world);

}  // namespace isogloss

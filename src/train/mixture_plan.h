// train/mixture_plan.h - what a run will read of each language, known before it starts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "corpus/corpus.h"
#include "corpus/row_order.h"
#include "train/config.h"

namespace isogloss {

/// Passes over a text up to which repeated tokens are worth almost as much as new ones, and above
/// which their worth falls fast (Muennighoff et al. 2023, arXiv:2305.16264).
inline constexpr double kUsualEpochs = 4.0;

/// One language of a run, over all its steps. What is drawn is within sampling error of it.
struct PlannedLanguage {
    std::string tag;
    bool replayed = false;
    std::int64_t text_tokens = 0;  ///< that there are, of those that the run may read
    double share = 0.0;            ///< of the rows
    double rows = 0.0;
    double tokens = 0.0;  ///< targets of these rows
    double epochs = 0.0;  ///< how often each token of the text is read
};

/// The languages that the run names, in the order of the corpus, from the order that make_order
/// made of the same run.
std::vector<PlannedLanguage> plan_mixture(
    RunConfig const& run, Corpus const& corpus, RowOrder const& order
);

/// How a run's shares are made: "tokens^(1/5)", "UniMax, at most 4 epochs".
std::string mixture_rule(DataConfig const& data);

/// A line for the log: languages, smallest and largest share, most epochs.
std::string mixture_summary(std::vector<PlannedLanguage> const& plan);

/// Languages of more than kUsualEpochs epochs, most first.
std::vector<PlannedLanguage> often_read(std::vector<PlannedLanguage> const& plan);

}  // namespace isogloss

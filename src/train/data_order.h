// train/data_order.h - from a run's config to its mixture: shares of languages, counts of targets.
#pragma once

#include <cstdint>
#include <vector>

#include "corpus/corpus.h"
#include "corpus/mixture.h"
#include "train/config.h"

namespace isogloss {

/// The mixture of a run. Weights are over all languages of the corpus; those that the run does not
/// name have weight 0. Replay languages share data.replay-share of the rows, by their size and
/// the same temperature.
/// @throws Error  (usage) when a language is not in the corpus or has no tokens to train on
Mixture make_mixture(RunConfig const& run, Corpus const& corpus);

/// Targets of step `step` that count, over all its rows: rows T, but for streams shorter than a
/// row.
double counted_targets(Mixture const& mixture, std::int64_t step);

}  // namespace isogloss

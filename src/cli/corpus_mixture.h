// cli/corpus_mixture.h - `corpus info --mixture`: what a planned run will read of each language.
#pragma once

#include "cli/command.h"

namespace isogloss {

/// The options of `train` that decide it, or a run's config, and the corpus.
/// @param arguments  the words after "corpus info", without "--mixture"
Exit run_corpus_mixture(Arguments const& arguments);

}  // namespace isogloss

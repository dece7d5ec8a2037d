// train/language_labels.h - what routing and its losses are told about each language of a run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "corpus/batch.h"
#include "corpus/corpus.h"
#include "corpus/row_order.h"
#include "model/pass.h"
#include "train/config.h"

namespace isogloss {

/// By index into the corpus' languages.
struct LanguageLabels {
    std::vector<std::int32_t> expert;  ///< [L] whose group has the language; -1: none, or not asked
    std::vector<std::int32_t> is_old;  ///< [L] 1: an original language, 0: another
};

/// data.old-languages; without them those that the model was trained on and that are in the group
/// of no expert of a later generation than 0: the languages of the first model.
std::vector<std::string> old_languages(
    DataConfig const& data, ModelConfig const& model, CheckpointInfo const& info
);

/// Labels of the run's languages, checked against what the run asks for.
/// @throws Error  (usage) without data.old-languages, when a language may be old or new;
///         when hard routing or the classification loss meets a language that is in
///         no expert's group; when priors or classifiers have no old language to learn from, or
///         classifiers no new one; when a model without routers or classifiers is asked for theirs
LanguageLabels label_languages(
    RunConfig const& run, Corpus const& corpus, ModelConfig const& model, CheckpointInfo const& info
);

/// How passes of the run route, without labels of rows.
PassRouting routing_of(TrainConfig const& train);
/// How a pass over `batch` routes.
PassRouting routing_of(TrainConfig const& train, LanguageLabels const& labels, Batch const& batch);

/// The counts of step `step`, over all its rows on all ranks, and the losses of the run, with the
/// balance loss's weight for one of its slices. The routing is of a batch, so it is left out.
PassOptions step_options(
    TrainConfig const& train, RowOrder const& order, LanguageLabels const& labels, std::int64_t step
);

}  // namespace isogloss

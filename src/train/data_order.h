// train/data_order.h - from a run's config to its rows: which languages, in which shares and order.
#pragma once

#include <cstdint>
#include <vector>

#include "corpus/corpus.h"
#include "corpus/row_order.h"
#include "model/config.h"
#include "train/config.h"

namespace isogloss {

/// Share that DMoE gives a language inside its group: bytes^0.3.
inline constexpr double kGroupAlpha = 0.3;

/// The rows of a run, as data.order says.
///
/// mixture: weights are over all languages of the corpus; those that the run does not name have
/// weight 0. A language's weight follows its size: tokens^(1/temperature), bytes^alpha, or UniMax,
/// whose rows are steps rows of the run (or the side's part of them); or it is given. Replay
/// languages share data.replay-share of the rows; without a share they are weighed among all (at
/// temperature 1 every text is then read once before any is read twice).
///
/// group-chunks: the experts' groups of `model` are the groups; within one, bytes^alpha with alpha
/// 0.3 unless given.
///
/// data.documents and data.replay-documents keep the first documents of a language only, all of
/// them where it has fewer; sizes are then those of these documents.
/// @throws Error  (usage) when a language is not in the corpus, has no tokens to train on, or is in
///         no group where groups are asked for; when UniMax has fewer epochs than rows
RowOrder make_order(RunConfig const& run, Corpus const& corpus, ModelConfig const& model);

/// Languages of the run by their index in the corpus: those to learn, then those to replay.
struct RunLanguages {
    std::vector<std::int32_t> learned;
    std::vector<std::int32_t> replayed;

    [[nodiscard]] std::vector<std::int32_t> all() const;
};
/// @throws Error  (usage) when one is not in the corpus
RunLanguages languages_of(DataConfig const& data, Corpus const& corpus);

}  // namespace isogloss

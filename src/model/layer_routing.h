// model/layer_routing.h - what a pass asks of each layer's routing, from its options and its rows.
#pragma once

#include <vector>

#include "corpus/batch.h"
#include "device/arena.h"
#include "model/config.h"
#include "model/pass.h"

namespace isogloss {

/// One a layer. Each loss is a mean over the global batch, so its share of one term is
///
///     classification  1 / (routed layers x labelled targets)
///     priors          1 / (routed layers x old targets), or with buckets of layers of equal E
///                     1 / (buckets x layers of the bucket x old targets)
///     classifier      1 / (layers with a classifier x rows), x counted targets for token decisions
///
/// and 0 where there is nothing to count. Labels of rows become labels of tokens, -1 where the
/// target does not count. A row's padding is what follows its last counted target.
///
/// Views are taken from the arena.
/// @throws Error  when lists and rows disagree, or a loss is wanted without its labels
std::vector<Routing> layer_routing(
    ModelConfig const& config, Batch const& batch, PassOptions const& options, Arena& arena
);

}  // namespace isogloss

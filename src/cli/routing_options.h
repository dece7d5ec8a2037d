// cli/routing_options.h - options that say how a finished model routes its tokens.
#pragma once

#include <cstdint>

#include "base/options.h"
#include "model/config.h"
#include "model/pass.h"

namespace isogloss {

/// Whether the classifiers of layers that have one are asked; with hard routing none is.
enum class AskClassifiers : std::uint8_t { automatic, off };

void describe(Options& options, AskClassifiers& classifiers);
/// --routing, --classifiers and --class-one-experts.
void describe(Options& options, PassRouting& routing, AskClassifiers& classifiers);

/// What the model and the mode leave of the wish.
bool asks_classifiers(AskClassifiers classifiers, RoutingMode mode, ModelConfig const& model);

}  // namespace isogloss

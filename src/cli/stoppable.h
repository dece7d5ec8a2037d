// cli/stoppable.h - commands that end early when asked to: by a signal, or by a longer command.
#pragma once

#include "base/stop.h"
#include "cli/command.h"

namespace isogloss {

/// The commands of a longer run under the caller's stop signal: a request that comes between
/// two of them is not lost. Collective over the world.
Exit run_train(Arguments const& arguments, World const& world, StopSignal const& stop);
Exit run_evaluate(Arguments const& arguments, World const& world, StopSignal const& stop);
Exit run_group_probe(Arguments const& arguments, World const& world, StopSignal const& stop);
Exit run_expand_similarity(Arguments const& arguments, World const& world, StopSignal const& stop);
Exit run_expand_scan(Arguments const& arguments, World const& world, StopSignal const& stop);

}  // namespace isogloss

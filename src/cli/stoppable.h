// cli/stoppable.h - commands that end early when asked to: by a signal, or by a longer command.
#pragma once

#include "cli/command.h"
#include "cli/job.h"

namespace isogloss {

/// By themselves, or as parts of a longer command that has begun the job. Collective over the
/// world.
Exit run_train(Arguments const& arguments, World const& world, Job& job);
Exit run_corpus_build(Arguments const& arguments, World const& world, Job& job);
Exit run_lifelong(Arguments const& arguments, World const& world, Job& job);
Exit run_evaluate(Arguments const& arguments, World const& world, Job& job);
Exit run_group_probe(Arguments const& arguments, World const& world, Job& job);
Exit run_expand_similarity(Arguments const& arguments, World const& world, Job& job);
Exit run_expand_scan(Arguments const& arguments, World const& world, Job& job);

}  // namespace isogloss

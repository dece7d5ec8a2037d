// train/run.h - a whole training run, from its config to its last checkpoint.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/stop.h"
#include "comm/world.h"
#include "moe/placement.h"
#include "train/config.h"

namespace isogloss {

struct RunResult {
    Exit exit = Exit::done;
    std::filesystem::path checkpoint;  ///< the newest
};

/// Opens corpus and checkpoint, places the experts on the ranks, trains. Goes on after the newest
/// checkpoint of the run directory where there is one. Collective over the world.
///
/// @param options  resolved options, as text: saved in run.cfg and in every checkpoint
/// @throws Error  (usage, data, environment)
RunResult run_training(
    RunConfig const& run,
    std::string const& options,
    World const& world,
    StopSignal const& stop,
    ProgressStyle style,
    Log& log
);

/// Placement of a model's experts on the ranks of a job, every expert equally busy.
Placement place_model(ModelConfig const& config, World const& world);

}  // namespace isogloss

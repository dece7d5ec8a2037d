// base/stop_rules.h - what, beside signals and files, ends long work in good order: clocks.
#pragma once

#include <cstdint>

#include "base/duration.h"
#include "base/options.h"

namespace isogloss {

/// What to make of a time limit that Slurm announces in SLURM_JOB_END_TIME.
enum class TimeLimit : std::uint8_t {
    heed,    ///< stop while there is time to write a checkpoint
    ignore,  ///< leave it to Slurm's signal
};

struct StopRules {
    Duration stop_after{};  ///< since the command began; 0: never
    TimeLimit time_limit = TimeLimit::heed;
};

/// Adds --stop-after and --time-limit. They are of one start, so no record of a run has them.
void describe(Options& options, StopRules& rules);

}  // namespace isogloss

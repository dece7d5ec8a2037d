// train/update.h - the numbers of one AdamW update, from a run's config and its step.
#pragma once

#include <cstdint>

#include "kernels/adamw.h"
#include "train/config.h"

namespace isogloss {

/// Learning rate of step `step`, counted from 0, over the steps and the warm-up of the run.
float step_learning_rate(TrainConfig const& config, std::int64_t step);

/// Update number `updates`, counted from 1, of step `step`; a gradient of norm above
/// config.clip_norm is scaled down to it.
AdamwStep update_of(
    TrainConfig const& config, std::int64_t step, std::int64_t updates, double gradient_norm
);

}  // namespace isogloss

// train/update.cpp
#include "train/update.h"

#include "optim/gradient_norm.h"
#include "optim/schedule.h"

namespace isogloss {

float step_learning_rate(TrainConfig const& config, std::int64_t step) {
    return learning_rate(
        {.peak = config.learning_rate,
         .warmup_steps = config.warmup(),
         .total_steps = config.steps,
         .floor_share = config.min_learning_rate,
         .decay = config.schedule},
        step
    );
}

AdamwStep update_of(
    TrainConfig const& config, std::int64_t step, std::int64_t updates, double gradient_norm
) {
    return {
        .learning_rate = step_learning_rate(config, step),
        .beta1 = config.beta1,
        .beta2 = config.beta2,
        .epsilon = config.epsilon,
        .weight_decay = config.weight_decay,
        .gradient_scale = clip_factor(gradient_norm, config.clip_norm),
        .step = updates};
}

}  // namespace isogloss

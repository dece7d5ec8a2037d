// optim/schedule.h - the learning rate of a step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace isogloss {

/// How the learning rate falls after the warm-up.
enum class Decay : std::uint8_t { constant, linear, cosine };

struct Schedule {
    float peak = 3e-4F;             ///< highest learning rate
    std::int64_t warmup_steps = 0;  ///< updates until the peak
    std::int64_t total_steps = 1;   ///< updates of the whole run
    float floor_share = 0.1F;       ///< of the peak, at the end
    Decay decay = Decay::cosine;
};

/// Learning rate of update `step`, counted from 0:
///
///     step < warmup_steps:  peak (step + 1) / warmup_steps
///     else, with u = (step - warmup_steps) / (total_steps - warmup_steps), at most 1:
///         constant  peak
///         linear    peak (floor_share + (1 - floor_share) (1 - u))
///         cosine    peak (floor_share + (1 - floor_share) (1 + cos(pi u)) / 2)
///
/// Cosine: Loshchilov and Hutter, arXiv:1608.03983, eq. 5, without restarts. In double, rounded
/// once.
float learning_rate(Schedule const& schedule, std::int64_t step);

/// Every rule the schedule breaks, with the key as the user writes it. Empty means valid.
std::vector<std::string> problems(Schedule const& schedule);

}  // namespace isogloss

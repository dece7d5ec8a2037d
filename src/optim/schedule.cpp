// optim/schedule.cpp
#include "optim/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace isogloss {
namespace {

// Share of the way from floor (0) to peak (1) after a share u of the decay.
double height(Decay decay, double u) {
    switch (decay) {
        case Decay::constant: return 1.0;
        case Decay::linear: return 1.0 - u;
        case Decay::cosine: return (1.0 + std::cos(std::numbers::pi * u)) / 2.0;
    }
    return 1.0;
}

}  // namespace

float learning_rate(Schedule const& schedule, std::int64_t step) {
    double const peak = schedule.peak;
    if (step < schedule.warmup_steps) {
        return static_cast<float>(
            peak * static_cast<double>(step + 1) / static_cast<double>(schedule.warmup_steps)
        );
    }
    auto const decay_steps =
        std::max<std::int64_t>(schedule.total_steps - schedule.warmup_steps, 1);
    double const u = std::min(
        1.0, static_cast<double>(step - schedule.warmup_steps) / static_cast<double>(decay_steps)
    );
    double const floor = schedule.floor_share;
    return static_cast<float>(peak * (floor + (1.0 - floor) * height(schedule.decay, u)));
}

std::vector<std::string> problems(Schedule const& schedule) {
    std::vector<std::string> found;
    if (!(schedule.peak >= 0.0F) || !std::isfinite(schedule.peak)) {
        found.push_back(fmt::format("train.lr = {}: must be a number >= 0", schedule.peak));
    }
    if (schedule.warmup_steps < 0) {
        found.push_back(fmt::format("train.warmup_steps = {}: must be >= 0", schedule.warmup_steps)
        );
    }
    if (schedule.total_steps < 1) {
        found.push_back(fmt::format("train.steps = {}: must be >= 1", schedule.total_steps));
    }
    if (!(schedule.floor_share >= 0.0F && schedule.floor_share <= 1.0F)) {
        found.push_back(fmt::format(
            "train.lr_floor = {}: must lie in [0, 1], it is a share of train.lr",
            schedule.floor_share
        ));
    }
    return found;
}

}  // namespace isogloss

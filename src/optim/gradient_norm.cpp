// optim/gradient_norm.cpp
#include "optim/gradient_norm.h"

#include <cmath>

#include "comm/collective.h"

namespace isogloss {

double gradient_norm(std::span<ShardedAdamw const> optimizers, MpiComm const& world) {
    double sum = 0.0;
    for (auto const& optimizer : optimizers) {
        sum += optimizer.sum_of_squares();
    }
    return std::sqrt(sum_over(sum, world));
}

float clip_factor(double norm, double limit) {
    if (limit <= 0.0 || norm <= limit) {
        return 1.0F;
    }
    return static_cast<float>(limit / norm);
}

}  // namespace isogloss

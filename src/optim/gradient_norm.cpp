// optim/gradient_norm.cpp
#include "optim/gradient_norm.h"

#include <cmath>

#include "comm/collective.h"

namespace isogloss {

double gradient_norm(std::span<ShardedAdamw> optimizers, MpiComm const& world, Stream stream) {
    double sum = 0.0;
    for (auto& optimizer : optimizers) {
        sum += optimizer.take_sum_of_squares(stream);
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

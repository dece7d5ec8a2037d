// model/update_share.cpp
#include "model/update_share.h"

#include <cmath>

namespace isogloss {

std::int32_t multiprocessors_of_update(double bytes, double flops, std::int32_t multiprocessors) {
    // Measured on H200: a forward pass makes 550 TFLOP/s, copies move 4 TB/s; data-centre GPUs of
    // the last generations are not far from this ratio.
    constexpr double kOperationsPerByte = 135.0;
    constexpr double kSaturating = 1.0 / 3.0;  // of the multiprocessors draw all that memory gives
    constexpr double kMost = 0.2;  // of the multiprocessors; products lose more than that is worth
    constexpr double kStep = 4.0;
    if (bytes <= 0.0 || flops <= 0.0 || multiprocessors == 0) {
        return 0;
    }
    auto const all = static_cast<double>(multiprocessors);
    double const wanted = all * kSaturating * bytes * kOperationsPerByte / flops;
    if (wanted > kMost * all) {
        return 0;
    }
    return static_cast<std::int32_t>(kStep * std::ceil(wanted / kStep));
}

}  // namespace isogloss

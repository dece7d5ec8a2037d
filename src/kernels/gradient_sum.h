// kernels/gradient_sum.h - the gradient of a matrix, summed over the products of a step.
#pragma once

#include <utility>

#include "kernels/matmul.h"

namespace isogloss {

/// The first product of a step replaces what the step before left, so that nothing has to be set to
/// zero, and read again, for it.
struct GradientSum {
    View<float, 2> sum;        ///< null data: frozen
    bool* is_empty = nullptr;  ///< what `sum` holds does not count; null: it always counts

    GradientSum() = default;
    GradientSum(View<float, 2> a_sum, bool* empty = nullptr) : sum(a_sum), is_empty(empty) {}

    [[nodiscard]] bool exists() const { return sum.data != nullptr; }
    /// How the next product goes into the sum; to be asked once for each.
    [[nodiscard]] Write next_write() const {
        bool const begins = is_empty != nullptr && std::exchange(*is_empty, false);
        return begins ? Write::replace : Write::add;
    }
};

}  // namespace isogloss

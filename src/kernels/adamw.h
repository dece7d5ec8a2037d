// kernels/adamw.h - one AdamW update of a run of elements.
#pragma once

#include "device/view.h"

namespace isogloss {

/// The numbers of one update; the same for all elements of a call.
struct AdamwStep {
    float learning_rate = 0.0F;
    float beta1 = 0.9F;
    float beta2 = 0.95F;
    float epsilon = 1e-8F;
    float weight_decay = 0.0F;    ///< decoupled; times learning_rate
    float gradient_scale = 1.0F;  ///< multiplies the gradient first (clipping)
    std::int64_t step = 1;        ///< t >= 1, for the bias corrections
};

/// Loshchilov and Hutter, "Decoupled Weight Decay Regularization", arXiv:1711.05101, algorithm 2:
///
///     g = gradient_scale * gradient;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
///     master -= learning_rate * (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon) + decay *
///     master) value = master, rounded to T
///
/// All [n]. For T = float, `master` and `value` may be the same memory.
template <class T>
void adamw(
    View<float const, 1> gradient,
    AdamwStep const& step,
    View<float, 1> master,
    View<float, 1> first_moment,
    View<float, 1> second_moment,
    View<T, 1> value,
    Stream stream
);

}  // namespace isogloss

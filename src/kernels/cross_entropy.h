// kernels/cross_entropy.h - the language-model loss of a chunk of tokens.
#pragma once

#include "device/view.h"

namespace isogloss {

/// A target that does not count: its loss and gradient are 0.
constexpr std::int32_t kIgnoredTarget = -1;

/// loss[n] = log sum_v exp(logits[n, v]) - logits[n, target[n]], in nats, in float.
///
/// @param logits  [N, V]
/// @param target  [N] in [0, V), or kIgnoredTarget
/// @param loss    [N] out
template <class T>
void cross_entropy(
    View<T const, 2> logits, View<std::int32_t const, 1> target, View<float, 1> loss, Stream stream
);

/// The same, and logits becomes its own gradient: scale * (softmax(logits[n, :]) -
/// onehot(target[n])). `scale` is 1 / number of counted targets of the global batch.
template <class T>
void cross_entropy_with_gradient(
    View<T, 2> logits,
    View<std::int32_t const, 1> target,
    float scale,
    View<float, 1> loss,
    Stream stream
);

}  // namespace isogloss

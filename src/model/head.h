// model/head.h - logits and loss of a chunk of tokens at a time, so that all logits never exist.
#pragma once

#include "device/arena.h"
#include "model/weights.h"

namespace isogloss {

/// Tokens of a chunk. Every chunk reads and writes the whole float gradient of W, so few are good;
/// but on a CPU the chunk's logits should stay near the cores between the three products.
constexpr std::int64_t head_chunk(Device device) {
    return device == Device::cpu ? 1024 : 4096;
}

/// loss[n] = cross entropy of the logits h[n] W^T at target[n], in nats; 0 where target[n] is -1.
///
/// @param h       [N, D] after the last norm
/// @param weight  [V, D]
/// @param loss    [N] out
template <class T>
void head_loss(
    View<T const, 2> h,
    MatrixParameter<T> const& weight,
    View<std::int32_t const, 1> target,
    View<float, 1> loss,
    Arena& arena
);

/// The same with the gradient of scale * sum of the losses: dh is replaced, the gradient of a
/// trainable W is added to. Each chunk's logits become their gradient and are used at once.
template <class T>
void head_loss_with_gradient(
    View<T const, 2> h,
    MatrixParameter<T> const& weight,
    View<std::int32_t const, 1> target,
    float scale,
    View<float, 1> loss,
    View<T, 2> dh,
    Arena& arena
);

}  // namespace isogloss

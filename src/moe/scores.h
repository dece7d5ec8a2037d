// moe/scores.h - a router's products: scores of experts for tokens, and their gradients.
#pragma once

#include "device/arena.h"
#include "device/view.h"

namespace isogloss {

/// logits = float(x) weight^T, in float also where x is bf16.
///                                              x [N, D], weight [E, D], logits [N, E] out
/// @param arena  scratch, given back
template <class T>
void score(
    View<T const, 2> x,
    View<float const, 2> weight,
    View<float, 2> logits,
    Arena& arena,
    Stream stream
);

/// dweight += dlogits^T float(x), in float.     dlogits [N, E], x [N, D], dweight [E, D]
template <class T>
void score_weights(
    View<float const, 2> dlogits,
    View<T const, 2> x,
    View<float, 2> dweight,
    Arena& arena,
    Stream stream
);

/// dx += dlogits weight, summed in float and rounded once.
///                                              dlogits [N, E], weight [E, D], dx [N, D]
template <class T>
void score_inputs(
    View<float const, 2> dlogits,
    View<float const, 2> weight,
    View<T, 2> dx,
    Arena& arena,
    Stream stream
);

// One definition a device. Call the functions above.
namespace cpu {
template <class T>
void score(View<T const, 2> x, View<float const, 2> weight, View<float, 2> logits, Arena& arena);
template <class T>
void score_weights(
    View<float const, 2> dlogits, View<T const, 2> x, View<float, 2> dweight, Arena& arena
);
template <class T>
void score_inputs(
    View<float const, 2> dlogits, View<float const, 2> weight, View<T, 2> dx, Arena& arena
);
}  // namespace cpu

namespace cuda {
template <class T>
void score(View<T const, 2> x, View<float const, 2> weight, View<float, 2> logits, Stream stream);
template <class T>
void score_weights(
    View<float const, 2> dlogits, View<T const, 2> x, View<float, 2> dweight, Stream stream
);
template <class T>
void score_inputs(
    View<float const, 2> dlogits, View<float const, 2> weight, View<T, 2> dx, Stream stream
);
}  // namespace cuda

}  // namespace isogloss

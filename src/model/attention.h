// model/attention.h - the attention of a block: products, rotary positions, softmax, product.
#pragma once

#include "device/arena.h"
#include "kernels/attention.h"
#include "model/phases.h"
#include "model/token_memory.h"
#include "model/weights.h"

namespace isogloss {

template <class T>
struct AttentionWeights {
    MatrixParameter<T> qkv;          ///< [(H + 2 G) W, D]: queries, keys, values
    VectorParameter<T> bias;         ///< [(H + 2 G) W] of qkv; may be absent
    MatrixParameter<T> output;       ///< [D, H W]
    VectorParameter<T> output_bias;  ///< [D]; may be absent
    VectorParameter<T> query_norm;   ///< [W]; may be absent, as may be
    VectorParameter<T> key_norm;     ///< [W]
    float norm_epsilon = 0.0F;
    std::int32_t layer = 0;  ///< the block, where a TokenMemory keeps its keys and values
};

/// What attention must know of the tokens of a pass.
struct TokenLayout {
    AttentionShape shape;
    View<std::int32_t const, 1> position;        ///< [N] in the token's document
    View<std::int32_t const, 1> document_start;  ///< [N] in the row
    View<float const, 2> cosine;                 ///< [positions, W/2]; null data: nothing turns
    View<float const, 2> sine;                   ///< [positions, W/2]
    TokenMemory* memory = nullptr;               ///< of tokens read before, or null
    View<std::int32_t const, 1> sequence = {};   ///< [N] in the memory
};

/// Kept between forward and backward.
template <class T>
struct AttentionActivations {
    View<T, 2> raw;               ///< [N, (H + 2 G) W] before the norm of heads, if there is one
    View<float, 2> head_inverse;  ///< [N, H + G] of that norm
    View<T, 2> qkv;               ///< [N, (H + 2 G) W] after rotary
    View<T, 2> out;               ///< [N, H W] before the output product
    View<float, 2> log_sum;       ///< [N, H]
};

/// y = attention(rotary(norm(x Wqkv^T + bias))) Wout^T + bias, norms and biases where there are
/// some.                                              x, y [N, D]; takes `saved` from the arena.
/// With a memory, keys and values are kept there, and all that it keeps is attended to.
template <class T>
void self_attention(
    View<T const, 2> x,
    AttentionWeights<T> const& weights,
    TokenLayout const& tokens,
    View<T, 2> y,
    AttentionActivations<T>& saved,
    Arena& arena,
    PhaseWatch& watch
);

/// dx = d loss / d x (replaced) for dy = d loss / d y; adds to the gradients of trainable weights.
template <class T>
void self_attention_backward(
    View<T const, 2> dy,
    View<T const, 2> x,
    AttentionWeights<T> const& weights,
    TokenLayout const& tokens,
    AttentionActivations<T> const& saved,
    View<T, 2> dx,
    Arena& arena,
    PhaseWatch& watch
);

}  // namespace isogloss

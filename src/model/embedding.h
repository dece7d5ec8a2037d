// model/embedding.h - tokens to the residual stream: table, scale, norm.
#pragma once

#include <optional>

#include "model/norm.h"

namespace isogloss {

template <class T>
struct Embedding {
    MatrixParameter<T> table;  ///< [V, D]
    float scale = 1.0F;        ///< sqrt(D) rounded to T in families that scale
    std::optional<Norm<T>> norm;

    [[nodiscard]] bool trains() const { return table.trains(); }
};

template <class T>
Embedding<T> embedding_of(ParameterTable const& table, ModelConfig const& config);

/// x[n] = norm(scale table[token[n]]), each where the family has it.     token [N], x [N, D]
template <class T>
void embed_tokens(
    View<std::int32_t const, 1> token, Embedding<T> const& embedding, View<T, 2> x, Arena& arena
);

/// Adds to the gradients of the table and the norm, for dx = d loss / d x, which is lost. What the
/// norm took in is looked up again instead of kept.
template <class T>
void embed_tokens_backward(
    View<std::int32_t const, 1> token, Embedding<T> const& embedding, View<T, 2> dx, Arena& arena
);

}  // namespace isogloss

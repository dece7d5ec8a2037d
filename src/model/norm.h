// model/norm.h - the norms of a model, of the kind that its family has.
#pragma once

#include <string>

#include "device/arena.h"
#include "kernels/layer_norm.h"
#include "model/weights.h"

namespace isogloss {

/// A norm's parameters and what kind it is.
template <class T>
struct Norm {
    NormKind kind = NormKind::rms;
    float epsilon = 0.0F;
    VectorParameter<T> gain;  ///< [D]
    VectorParameter<T> bias;  ///< [D]; absent unless the kind is layer
};

/// The norm whose parameters are `name`.weight and, where there is one, `name`.bias.
template <class T>
Norm<T> norm_of(ParameterTable const& table, ModelConfig const& config, std::string const& name) {
    Norm<T> norm{
        config.family.norm, config.norm_epsilon, vector_of<T>(table, name + ".weight"), {}};
    if (norm.kind == NormKind::layer) {
        norm.bias = vector_of<T>(table, name + ".bias");
    }
    return norm;
}

/// Memory for what a norm of `num_tokens` leaves for its backward pass; no mean of an RMS norm.
LayerMoments take_moments(NormKind kind, std::int64_t num_tokens, Arena& arena);

/// y = norm(x).                                                            x, y [N, D]
template <class T>
void normalise(View<T const, 2> x, Norm<T> const& norm, View<T, 2> y, LayerMoments const& moments);

/// x += delta, then y = norm(x).                                           x, delta, y [N, D]
template <class T>
void add_and_normalise(
    View<T, 2> x,
    View<T const, 2> delta,
    Norm<T> const& norm,
    View<T, 2> y,
    LayerMoments const& moments
);

/// dx += d loss / d x for dy = d loss / d y; adds to the gradients of trainable parameters.
template <class T>
void normalise_backward(
    View<T const, 2> dy,
    View<T const, 2> x,
    Norm<T> const& norm,
    LayerMoments const& moments,
    View<T, 2> dx
);

}  // namespace isogloss

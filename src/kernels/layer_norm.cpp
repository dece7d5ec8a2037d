// kernels/layer_norm.cpp
#include "kernels/layer_norm.h"

#include "kernels/backend.h"
#include "kernels/checks.h"

namespace isogloss {
namespace {

template <class T>
void require_weights(View<T const, 2> x, LayerNormWeights<T> const& weights) {
    require_shape("layer_norm: gain", weights.gain, {x.shape[1]});
    require_shape("layer_norm: bias", weights.bias, {x.shape[1]});
    require_one_device("layer_norm", x, weights.gain, weights.bias);
}

template <class T>
void require_moments(View<T const, 2> x, LayerMoments const& moments) {
    require_shape("layer_norm: mean", moments.mean, {x.shape[0]});
    require_shape("layer_norm: inverse", moments.inverse, {x.shape[0]});
    require_one_device("layer_norm", x, moments.mean, moments.inverse);
}

}  // namespace

template <class T>
void layer_norm(
    View<T const, 2> x,
    LayerNormWeights<T> const& weights,
    float epsilon,
    View<T, 2> y,
    LayerMoments const& moments,
    Stream stream
) {
    require_weights(x, weights);
    require_moments(x, moments);
    require_shape("layer_norm: y", y, x.shape);
    require_one_device("layer_norm", x, y);
    require(epsilon > 0.0F, "layer_norm: epsilon is {}; it must be > 0", epsilon);
    switch (x.device) {
        case Device::cpu: return cpu::layer_norm(x, weights, epsilon, y, moments, stream);
        case Device::cuda: return cuda::layer_norm(x, weights, epsilon, y, moments, stream);
    }
}

template <class T>
void add_layer_norm(
    View<T, 2> x,
    View<T const, 2> delta,
    LayerNormWeights<T> const& weights,
    float epsilon,
    View<T, 2> y,
    LayerMoments const& moments,
    Stream stream
) {
    require_weights<T>(x, weights);
    require_moments<T>(x, moments);
    require_shape("add_layer_norm: delta", delta, x.shape);
    require_shape("add_layer_norm: y", y, x.shape);
    require_one_device("add_layer_norm", x, delta, y);
    require(epsilon > 0.0F, "add_layer_norm: epsilon is {}; it must be > 0", epsilon);
    switch (x.device) {
        case Device::cpu:
            return cpu::add_layer_norm(x, delta, weights, epsilon, y, moments, stream);
        case Device::cuda:
            return cuda::add_layer_norm(x, delta, weights, epsilon, y, moments, stream);
    }
}

template <class T>
void layer_norm_backward(
    View<T const, 2> dy,
    View<T const, 2> x,
    LayerNormWeights<T> const& weights,
    LayerMoments const& moments,
    View<T, 2> dx,
    LayerNormGradients const& gradients,
    Stream stream
) {
    require_weights(x, weights);
    require_moments(x, moments);
    require_shape("layer_norm_backward: dy", dy, x.shape);
    require_shape("layer_norm_backward: dx", dx, x.shape);
    require_one_device("layer_norm_backward", x, dy, dx);
    require(
        (gradients.gain.data == nullptr) == (gradients.bias.data == nullptr),
        "layer_norm_backward: one of gain and bias is frozen; freeze both or none"
    );
    if (gradients.gain.data != nullptr) {
        require_shape("layer_norm_backward: dgain", gradients.gain, {x.shape[1]});
        require_shape("layer_norm_backward: dbias", gradients.bias, {x.shape[1]});
        require_one_device("layer_norm_backward", x, gradients.gain, gradients.bias);
    }
    switch (x.device) {
        case Device::cpu:
            return cpu::layer_norm_backward(dy, x, weights, moments, dx, gradients, stream);
        case Device::cuda:
            return cuda::layer_norm_backward(dy, x, weights, moments, dx, gradients, stream);
    }
}

template decltype(layer_norm<float>) layer_norm<float>;
template decltype(layer_norm<bf16>) layer_norm<bf16>;
template decltype(add_layer_norm<float>) add_layer_norm<float>;
template decltype(add_layer_norm<bf16>) add_layer_norm<bf16>;
template decltype(layer_norm_backward<float>) layer_norm_backward<float>;
template decltype(layer_norm_backward<bf16>) layer_norm_backward<bf16>;

}  // namespace isogloss

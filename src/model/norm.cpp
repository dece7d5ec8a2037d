// model/norm.cpp
#include "model/norm.h"

#include "kernels/rms_norm.h"

namespace isogloss {
namespace {

template <class T>
NormGain<T> gain_of(Norm<T> const& norm) {
    return {norm.gain.value, norm.kind == NormKind::rms_offset ? 1.0F : 0.0F};
}

template <class T>
LayerNormWeights<T> weights_of(Norm<T> const& norm) {
    return {norm.gain.value, norm.bias.value};
}

}  // namespace

LayerMoments take_moments(NormKind kind, std::int64_t num_tokens, Arena& arena) {
    LayerMoments moments;
    if (kind == NormKind::layer) {
        moments.mean = arena.take<float, 1>({num_tokens});
    }
    moments.inverse = arena.take<float, 1>({num_tokens});
    return moments;
}

template <class T>
void normalise(View<T const, 2> x, Norm<T> const& norm, View<T, 2> y, LayerMoments const& moments) {
    if (norm.kind == NormKind::layer) {
        return layer_norm<T>(x, weights_of(norm), norm.epsilon, y, moments, Stream{});
    }
    rms_norm<T>(x, gain_of(norm), norm.epsilon, y, moments.inverse, Stream{});
}

template <class T>
void add_and_normalise(
    View<T, 2> x,
    View<T const, 2> delta,
    Norm<T> const& norm,
    View<T, 2> y,
    LayerMoments const& moments
) {
    if (norm.kind == NormKind::layer) {
        return add_layer_norm<T>(x, delta, weights_of(norm), norm.epsilon, y, moments, Stream{});
    }
    add_rms_norm<T>(x, delta, gain_of(norm), norm.epsilon, y, moments.inverse, Stream{});
}

template <class T>
void normalise_backward(
    View<T const, 2> dy,
    View<T const, 2> x,
    Norm<T> const& norm,
    LayerMoments const& moments,
    View<T, 2> dx
) {
    if (norm.kind == NormKind::layer) {
        return layer_norm_backward<T>(
            dy, x, weights_of(norm), moments, dx, {norm.gain.gradient, norm.bias.gradient}, Stream{}
        );
    }
    rms_norm_backward<T>(dy, x, gain_of(norm), moments.inverse, dx, norm.gain.gradient, Stream{});
}

#define ISOGLOSS_INSTANTIATE(T)                                                                       \
    template void normalise(View<T const, 2>, Norm<T> const&, View<T, 2>, LayerMoments const&);       \
    template void                                                                                     \
    add_and_normalise(View<T, 2>, View<T const, 2>, Norm<T> const&, View<T, 2>, LayerMoments const&); \
    template void                                                                                     \
    normalise_backward(View<T const, 2>, View<T const, 2>, Norm<T> const&, LayerMoments const&, View<T, 2>)
ISOGLOSS_INSTANTIATE(float);
ISOGLOSS_INSTANTIATE(bf16);
#undef ISOGLOSS_INSTANTIATE

}  // namespace isogloss

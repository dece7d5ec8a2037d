// kernels/rms_norm.cpp
#include "kernels/rms_norm.h"

#include "kernels/backend.h"
#include "kernels/checks.h"

namespace isogloss {

template <class T>
void rms_norm(
    View<T const, 2> x,
    NormGain<T> const& gain,
    float epsilon,
    View<T, 2> y,
    View<float, 1> inverse,
    Stream stream
) {
    require_shape("rms_norm: gain", gain.weight, {x.shape[1]});
    require_shape("rms_norm: y", y, x.shape);
    require_shape("rms_norm: inverse", inverse, {x.shape[0]});
    require_one_device("rms_norm", x, gain.weight, y, inverse);
    require(epsilon > 0.0F, "rms_norm: epsilon is {}; it must be > 0", epsilon);
    switch (x.device) {
        case Device::cpu: return cpu::rms_norm(x, gain, epsilon, y, inverse, stream);
        case Device::cuda: return cuda::rms_norm(x, gain, epsilon, y, inverse, stream);
    }
}

template <class T>
void add_rms_norm(
    View<T, 2> x,
    View<T const, 2> delta,
    NormGain<T> const& gain,
    float epsilon,
    View<T, 2> y,
    View<float, 1> inverse,
    Stream stream
) {
    require_shape("add_rms_norm: delta", delta, x.shape);
    require_shape("add_rms_norm: gain", gain.weight, {x.shape[1]});
    require_shape("add_rms_norm: y", y, x.shape);
    require_shape("add_rms_norm: inverse", inverse, {x.shape[0]});
    require_one_device("add_rms_norm", x, delta, gain.weight, y, inverse);
    require(epsilon > 0.0F, "add_rms_norm: epsilon is {}; it must be > 0", epsilon);
    switch (x.device) {
        case Device::cpu: return cpu::add_rms_norm(x, delta, gain, epsilon, y, inverse, stream);
        case Device::cuda: return cuda::add_rms_norm(x, delta, gain, epsilon, y, inverse, stream);
    }
}

template <class T>
void rms_norm_backward(
    View<T const, 2> dy,
    View<T const, 2> x,
    NormGain<T> const& gain,
    View<float const, 1> inverse,
    View<T, 2> dx,
    View<float, 1> dgain,
    Stream stream
) {
    require_shape("rms_norm_backward: x", x, dy.shape);
    require_shape("rms_norm_backward: gain", gain.weight, {x.shape[1]});
    require_shape("rms_norm_backward: inverse", inverse, {x.shape[0]});
    require_shape("rms_norm_backward: dx", dx, x.shape);
    require_one_device("rms_norm_backward", x, dy, gain.weight, inverse, dx);
    if (dgain.data != nullptr) {
        require_shape("rms_norm_backward: dgain", dgain, {x.shape[1]});
        require_one_device("rms_norm_backward", x, dgain);
    }
    switch (x.device) {
        case Device::cpu: return cpu::rms_norm_backward(dy, x, gain, inverse, dx, dgain, stream);
        case Device::cuda: return cuda::rms_norm_backward(dy, x, gain, inverse, dx, dgain, stream);
    }
}

template decltype(rms_norm<float>) rms_norm<float>;
template decltype(rms_norm<bf16>) rms_norm<bf16>;
template decltype(add_rms_norm<float>) add_rms_norm<float>;
template decltype(add_rms_norm<bf16>) add_rms_norm<bf16>;
template decltype(rms_norm_backward<float>) rms_norm_backward<float>;
template decltype(rms_norm_backward<bf16>) rms_norm_backward<bf16>;

}  // namespace isogloss

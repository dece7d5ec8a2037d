// kernels/head_norm.cpp
#include "kernels/head_norm.h"

#include "kernels/backend.h"
#include "kernels/checks.h"

namespace isogloss {
namespace {

template <class T>
void require_norm(View<T const, 3> x, HeadNorm<T> const& norm) {
    require(
        norm.queries >= 0 && norm.keys >= 0 && norm.heads() <= x.shape[1],
        "head_norm: {} queries and {} keys of {} heads", norm.queries, norm.keys, x.shape[1]
    );
    require(norm.epsilon > 0.0F, "head_norm: epsilon is {}; it must be > 0", norm.epsilon);
    require_shape("head_norm: gain of queries", norm.query_gain, {x.shape[2]});
    require_shape("head_norm: gain of keys", norm.key_gain, {x.shape[2]});
    require_one_device("head_norm", x, norm.query_gain, norm.key_gain);
}

}  // namespace

template <class T>
void head_norm(
    View<T const, 3> x, HeadNorm<T> const& norm, View<T, 3> y, View<float, 2> inverse, Stream stream
) {
    require_norm(x, norm);
    require_shape("head_norm: y", y, x.shape);
    require_shape("head_norm: inverse", inverse, {x.shape[0], norm.heads()});
    require_one_device("head_norm", x, y, inverse);
    switch (x.device) {
        case Device::cpu: return cpu::head_norm(x, norm, y, inverse, stream);
        case Device::cuda: return cuda::head_norm(x, norm, y, inverse, stream);
    }
}

template <class T>
void head_norm_backward(
    View<T const, 3> x,
    HeadNorm<T> const& norm,
    View<float const, 2> inverse,
    View<T, 3> dy,
    HeadNormGradients const& gradients,
    Stream stream
) {
    require_norm(x, norm);
    require_shape("head_norm_backward: inverse", inverse, {x.shape[0], norm.heads()});
    require_shape("head_norm_backward: dy", dy, x.shape);
    require_one_device("head_norm_backward", x, inverse, dy);
    require(
        (gradients.query_gain.data == nullptr) == (gradients.key_gain.data == nullptr),
        "head_norm_backward: one of the gains is frozen; freeze both or none"
    );
    if (gradients.query_gain.data != nullptr) {
        require_shape("head_norm_backward: queries", gradients.query_gain, {x.shape[2]});
        require_shape("head_norm_backward: keys", gradients.key_gain, {x.shape[2]});
        require_one_device("head_norm_backward", x, gradients.query_gain, gradients.key_gain);
    }
    switch (x.device) {
        case Device::cpu: return cpu::head_norm_backward(x, norm, inverse, dy, gradients, stream);
        case Device::cuda: return cuda::head_norm_backward(x, norm, inverse, dy, gradients, stream);
    }
}

template decltype(head_norm<float>) head_norm<float>;
template decltype(head_norm<bf16>) head_norm<bf16>;
template decltype(head_norm_backward<float>) head_norm_backward<float>;
template decltype(head_norm_backward<bf16>) head_norm_backward<bf16>;

}  // namespace isogloss

// kernels/cross_entropy.cpp
#include "kernels/cross_entropy.h"

#include "kernels/backend.h"
#include "kernels/checks.h"

namespace isogloss {

template <class T>
void cross_entropy(
    View<T const, 2> logits, View<std::int32_t const, 1> target, View<float, 1> loss, Stream stream
) {
    require_shape("cross_entropy: target", target, {logits.shape[0]});
    require_shape("cross_entropy: loss", loss, {logits.shape[0]});
    require_one_device("cross_entropy", logits, target, loss);
    switch (logits.device) {
        case Device::cpu: return cpu::cross_entropy(logits, target, loss, stream);
        case Device::cuda: return cuda::cross_entropy(logits, target, loss, stream);
    }
}

template <class T>
void cross_entropy_with_gradient(
    View<T, 2> logits,
    View<std::int32_t const, 1> target,
    float scale,
    View<float, 1> loss,
    Stream stream
) {
    require_shape("cross_entropy_with_gradient: target", target, {logits.shape[0]});
    require_shape("cross_entropy_with_gradient: loss", loss, {logits.shape[0]});
    require_one_device("cross_entropy_with_gradient", logits, target, loss);
    switch (logits.device) {
        case Device::cpu:
            return cpu::cross_entropy_with_gradient(logits, target, scale, loss, stream);
        case Device::cuda:
            return cuda::cross_entropy_with_gradient(logits, target, scale, loss, stream);
    }
}

template decltype(cross_entropy<float>) cross_entropy<float>;
template decltype(cross_entropy<bf16>) cross_entropy<bf16>;
template decltype(cross_entropy_with_gradient<float>) cross_entropy_with_gradient<float>;
template decltype(cross_entropy_with_gradient<bf16>) cross_entropy_with_gradient<bf16>;

}  // namespace isogloss

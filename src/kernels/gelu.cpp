// kernels/gelu.cpp
#include "kernels/gelu.h"

#include "kernels/backend.h"
#include "kernels/checks.h"

namespace isogloss {

template <class T>
void gelu(View<T const, 2> x, View<T, 2> y, Stream stream) {
    require_shape("gelu: y", y, x.shape);
    require_one_device("gelu", x, y);
    switch (x.device) {
        case Device::cpu: return cpu::gelu(x, y, stream);
        case Device::cuda: return cuda::gelu(x, y, stream);
    }
}

template <class T>
void gelu_backward(View<T const, 2> x, View<T const, 2> dy, View<T, 2> dx, Stream stream) {
    require_shape("gelu_backward: dy", dy, x.shape);
    require_shape("gelu_backward: dx", dx, x.shape);
    require_one_device("gelu_backward", x, dy, dx);
    switch (x.device) {
        case Device::cpu: return cpu::gelu_backward(x, dy, dx, stream);
        case Device::cuda: return cuda::gelu_backward(x, dy, dx, stream);
    }
}

template <class T>
void geglu(View<T const, 2> gate_up, View<T, 2> y, Stream stream) {
    require_shape("geglu: gate_up", gate_up, {y.shape[0], 2 * y.shape[1]});
    require_one_device("geglu", gate_up, y);
    switch (y.device) {
        case Device::cpu: return cpu::geglu(gate_up, y, stream);
        case Device::cuda: return cuda::geglu(gate_up, y, stream);
    }
}

template <class T>
void geglu_backward(
    View<T const, 2> gate_up, View<T const, 2> dy, View<T, 2> dgate_up, Stream stream
) {
    require_shape("geglu_backward: gate_up", gate_up, {dy.shape[0], 2 * dy.shape[1]});
    require_shape("geglu_backward: dgate_up", dgate_up, gate_up.shape);
    require_one_device("geglu_backward", gate_up, dy, dgate_up);
    switch (dy.device) {
        case Device::cpu: return cpu::geglu_backward(gate_up, dy, dgate_up, stream);
        case Device::cuda: return cuda::geglu_backward(gate_up, dy, dgate_up, stream);
    }
}

template decltype(gelu<float>) gelu<float>;
template decltype(gelu<bf16>) gelu<bf16>;
template decltype(gelu_backward<float>) gelu_backward<float>;
template decltype(gelu_backward<bf16>) gelu_backward<bf16>;
template decltype(geglu<float>) geglu<float>;
template decltype(geglu<bf16>) geglu<bf16>;
template decltype(geglu_backward<float>) geglu_backward<float>;
template decltype(geglu_backward<bf16>) geglu_backward<bf16>;

}  // namespace isogloss

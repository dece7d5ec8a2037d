// kernels/swiglu.cpp
#include "kernels/swiglu.h"

#include "kernels/backend.h"
#include "kernels/checks.h"

namespace isogloss {

template <class T>
void swiglu(View<T const, 2> gate_up, View<T, 2> y, Stream stream) {
    require_shape("swiglu: gate_up", gate_up, {y.shape[0], 2 * y.shape[1]});
    require_one_device("swiglu", gate_up, y);
    switch (y.device) {
        case Device::cpu: return cpu::swiglu(gate_up, y, stream);
        case Device::cuda: return cuda::swiglu(gate_up, y, stream);
    }
}

template <class T>
void swiglu_backward(
    View<T const, 2> gate_up, View<T const, 2> dy, View<T, 2> dgate_up, Stream stream
) {
    require_shape("swiglu_backward: gate_up", gate_up, {dy.shape[0], 2 * dy.shape[1]});
    require_shape("swiglu_backward: dgate_up", dgate_up, gate_up.shape);
    require_one_device("swiglu_backward", gate_up, dy, dgate_up);
    switch (dy.device) {
        case Device::cpu: return cpu::swiglu_backward(gate_up, dy, dgate_up, stream);
        case Device::cuda: return cuda::swiglu_backward(gate_up, dy, dgate_up, stream);
    }
}

template decltype(swiglu<float>) swiglu<float>;
template decltype(swiglu<bf16>) swiglu<bf16>;
template decltype(swiglu_backward<float>) swiglu_backward<float>;
template decltype(swiglu_backward<bf16>) swiglu_backward<bf16>;

}  // namespace isogloss

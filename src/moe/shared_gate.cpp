// moe/shared_gate.cpp
#include "moe/shared_gate.h"

#include "kernels/checks.h"

namespace isogloss {

template <class T>
void shared_gate(View<T const, 2> x, View<T const, 2> weight, View<float, 1> gate, Stream stream) {
    require_shape("shared_gate: weight", weight, {1, x.shape[1]});
    require_shape("shared_gate: gate", gate, {x.shape[0]});
    require_one_device("shared_gate", x, weight, gate);
    switch (x.device) {
        case Device::cpu: return cpu::shared_gate<T>(x, weight, gate);
        case Device::cuda: return cuda::shared_gate<T>(x, weight, gate, stream);
    }
}

template <class T>
void add_gated(View<T const, 2> z, View<float const, 1> gate, View<T, 2> y, Stream stream) {
    require_shape("add_gated: gate", gate, {z.shape[0]});
    require_shape("add_gated: y", y, z.shape);
    require_one_device("add_gated", z, gate, y);
    switch (z.device) {
        case Device::cpu: return cpu::add_gated<T>(z, gate, y);
        case Device::cuda: return cuda::add_gated<T>(z, gate, y, stream);
    }
}

template <class T>
void shared_gate_backward(
    View<T const, 2> dy,
    GatedRows<T> const& rows,
    View<T, 2> dz,
    View<float, 1> dscore,
    Stream stream
) {
    require_shape("shared_gate_backward: z", rows.z, dy.shape);
    require_shape("shared_gate_backward: gate", rows.gate, {dy.shape[0]});
    require_shape("shared_gate_backward: dz", dz, dy.shape);
    require_shape("shared_gate_backward: dscore", dscore, {dy.shape[0]});
    require_one_device("shared_gate_backward", dy, rows.z, rows.gate, dz, dscore);
    switch (dy.device) {
        case Device::cpu: return cpu::shared_gate_backward<T>(dy, rows, dz, dscore);
        case Device::cuda: return cuda::shared_gate_backward<T>(dy, rows, dz, dscore, stream);
    }
}

template <class T>
void add_shared_input(
    View<T const, 2> part,
    View<float const, 1> dscore,
    View<T const, 2> weight,
    View<T, 2> dx,
    Stream stream
) {
    require_shape("add_shared_input: dscore", dscore, {part.shape[0]});
    require_shape("add_shared_input: weight", weight, {1, part.shape[1]});
    require_shape("add_shared_input: dx", dx, part.shape);
    require_one_device("add_shared_input", part, dscore, weight, dx);
    switch (part.device) {
        case Device::cpu: return cpu::add_shared_input<T>(part, dscore, weight, dx);
        case Device::cuda: return cuda::add_shared_input<T>(part, dscore, weight, dx, stream);
    }
}

template decltype(shared_gate<float>) shared_gate<float>;
template decltype(shared_gate<bf16>) shared_gate<bf16>;
template decltype(add_gated<float>) add_gated<float>;
template decltype(add_gated<bf16>) add_gated<bf16>;
template decltype(shared_gate_backward<float>) shared_gate_backward<float>;
template decltype(shared_gate_backward<bf16>) shared_gate_backward<bf16>;
template decltype(add_shared_input<float>) add_shared_input<float>;
template decltype(add_shared_input<bf16>) add_shared_input<bf16>;

}  // namespace isogloss

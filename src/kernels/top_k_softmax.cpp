// kernels/top_k_softmax.cpp
#include "kernels/top_k_softmax.h"

#include "kernels/backend.h"
#include "kernels/checks.h"

namespace isogloss {

void top_k_softmax(
    View<float const, 2> logits,
    View<std::int32_t const, 1> among,
    View<float, 2> probs,
    View<float, 2> gate,
    View<std::int32_t, 2> expert,
    Stream stream
) {
    std::int64_t const choices = gate.shape[1];
    require(
        choices >= 1 && choices <= logits.shape[1], "top_k_softmax: {} choices among {} experts",
        choices, logits.shape[1]
    );
    require_shape("top_k_softmax: probs", probs, logits.shape);
    require_shape("top_k_softmax: gate", gate, {logits.shape[0], choices});
    require_shape("top_k_softmax: expert", expert, gate.shape);
    require_one_device("top_k_softmax", logits, probs, gate, expert);
    if (among.data != nullptr) {
        require_shape("top_k_softmax: among", among, {logits.shape[0]});
        require_one_device("top_k_softmax", logits, among);
    }
    switch (logits.device) {
        case Device::cpu: return cpu::top_k_softmax(logits, among, probs, gate, expert, stream);
        case Device::cuda: return cuda::top_k_softmax(logits, among, probs, gate, expert, stream);
    }
}

void top_k_softmax_backward(
    View<float const, 2> gate,
    View<std::int32_t const, 2> expert,
    View<float const, 2> dgate,
    View<float, 2> dlogits,
    Stream stream
) {
    require_shape("top_k_softmax_backward: gate", gate, {dlogits.shape[0], gate.shape[1]});
    require_shape("top_k_softmax_backward: expert", expert, gate.shape);
    require_shape("top_k_softmax_backward: dgate", dgate, gate.shape);
    require_one_device("top_k_softmax_backward", gate, expert, dgate, dlogits);
    switch (gate.device) {
        case Device::cpu: return cpu::top_k_softmax_backward(gate, expert, dgate, dlogits, stream);
        case Device::cuda:
            return cuda::top_k_softmax_backward(gate, expert, dgate, dlogits, stream);
    }
}

}  // namespace isogloss

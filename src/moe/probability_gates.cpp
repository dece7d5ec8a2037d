// moe/probability_gates.cpp
#include "moe/probability_gates.h"

#include "kernels/checks.h"

namespace isogloss {
namespace {

void check_chosen(char const* operation, ChosenProbabilities const& chosen) {
    auto const& [probs, expert, among] = chosen;
    require(
        probs.shape[0] == expert.shape[0] &&
            (among.data == nullptr || among.shape[0] == expert.shape[0]),
        "{}: probabilities of {} tokens, choices of {}, numbers of experts of {}", operation,
        probs.shape[0], expert.shape[0], among.shape[0]
    );
}

}  // namespace

void take_probabilities(ChosenProbabilities const& chosen, View<float, 2> gate, Stream stream) {
    check_chosen("take_probabilities", chosen);
    require_shape("take_probabilities: gate", gate, chosen.expert.shape);
    require_one_device("take_probabilities", gate, chosen.probs, chosen.expert);
    switch (gate.device) {
        case Device::cpu: return cpu::take_probabilities(chosen, gate);
        case Device::cuda: return cuda::take_probabilities(chosen, gate, stream);
    }
}

void take_probabilities_backward(
    ChosenProbabilities const& chosen,
    View<float const, 2> dgate,
    View<float, 2> dlogits,
    Stream stream
) {
    check_chosen("take_probabilities_backward", chosen);
    require_shape("take_probabilities_backward: dgate", dgate, chosen.expert.shape);
    require_shape("take_probabilities_backward: dlogits", dlogits, chosen.probs.shape);
    require_one_device("take_probabilities_backward", dgate, chosen.probs, chosen.expert, dlogits);
    switch (dgate.device) {
        case Device::cpu: return cpu::take_probabilities_backward(chosen, dgate, dlogits);
        case Device::cuda: return cuda::take_probabilities_backward(chosen, dgate, dlogits, stream);
    }
}

}  // namespace isogloss

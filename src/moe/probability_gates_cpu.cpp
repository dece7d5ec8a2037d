// moe/probability_gates_cpu.cpp
#include <algorithm>

#include "moe/probability_gates.h"

namespace isogloss::cpu {
namespace {

bool is_routed(View<std::int32_t const, 1> among, std::int64_t token) {
    return among.data == nullptr || among.data[token] != 0;
}

}  // namespace

void take_probabilities(ChosenProbabilities const& chosen, View<float, 2> gate) {
    auto const [tokens, choices] = gate.shape;
    auto const experts = chosen.probs.shape[1];
    for (std::int64_t n = 0; n < tokens; ++n) {
        if (!is_routed(chosen.among, n)) {
            continue;
        }
        for (auto i = n * choices; i < (n + 1) * choices; ++i) {
            auto const e = chosen.expert.data[i];
            gate.data[i] = e < 0 ? 0.0F : chosen.probs.data[n * experts + e];
        }
    }
}

void take_probabilities_backward(
    ChosenProbabilities const& chosen, View<float const, 2> dgate, View<float, 2> dlogits
) {
    auto const [tokens, choices] = dgate.shape;
    auto const experts = dlogits.shape[1];
    for (std::int64_t n = 0; n < tokens; ++n) {
        float const* const prob = chosen.probs.data + n * experts;
        float* const gradient = dlogits.data + n * experts;
        if (!is_routed(chosen.among, n)) {
            std::fill_n(gradient, experts, 0.0F);
            continue;
        }
        float mean = 0.0F;
        for (auto i = n * choices; i < (n + 1) * choices; ++i) {
            auto const e = chosen.expert.data[i];
            mean += e < 0 ? 0.0F : prob[e] * dgate.data[i];
        }
        for (std::int64_t e = 0; e < experts; ++e) {
            gradient[e] = -prob[e] * mean;
        }
        for (auto i = n * choices; i < (n + 1) * choices; ++i) {
            auto const e = chosen.expert.data[i];
            if (e >= 0) {
                gradient[e] = prob[e] * (dgate.data[i] - mean);
            }
        }
    }
}

}  // namespace isogloss::cpu

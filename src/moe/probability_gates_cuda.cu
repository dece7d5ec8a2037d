// moe/probability_gates_cuda.cu
#include "moe/cuda_launch.h"
#include "moe/probability_gates.h"

namespace isogloss::cuda {
namespace {

// A choice a thread.
__global__ void take_kernel(
    float const* probs,
    std::int32_t const* expert,
    std::int32_t const* among,
    std::int64_t choices,
    std::int64_t experts,
    std::int64_t count,
    float* gate
) {
    auto const i = thread_place();
    if (i >= count) {
        return;
    }
    auto const n = i / choices;
    if (among == nullptr || among[n] != 0) {
        gate[i] = expert[i] < 0 ? 0.0F : probs[n * experts + expert[i]];
    }
}

struct ChoiceTable {
    float const* probs;
    std::int32_t const* expert;
    std::int32_t const* among;
    std::int64_t tokens;
    std::int64_t choices;
    std::int64_t experts;
};

// A token a thread, as the CPU adds.
__global__ void take_backward_kernel(ChoiceTable chosen, float const* dgate, float* dlogits) {
    auto const n = thread_place();
    if (n >= chosen.tokens) {
        return;
    }
    auto const choices = chosen.choices;
    auto const experts = chosen.experts;
    float const* const prob = chosen.probs + n * experts;
    float* const gradient = dlogits + n * experts;
    bool const is_routed = chosen.among == nullptr || chosen.among[n] != 0;
    float mean = 0.0F;
    for (auto i = n * choices; is_routed && i < (n + 1) * choices; ++i) {
        auto const e = chosen.expert[i];
        mean += e < 0 ? 0.0F : prob[e] * dgate[i];
    }
    for (std::int64_t e = 0; e < experts; ++e) {
        gradient[e] = is_routed ? -prob[e] * mean : 0.0F;
    }
    for (auto i = n * choices; is_routed && i < (n + 1) * choices; ++i) {
        auto const e = chosen.expert[i];
        if (e >= 0) {
            gradient[e] = prob[e] * (dgate[i] - mean);
        }
    }
}

}  // namespace

void take_probabilities(ChosenProbabilities const& chosen, View<float, 2> gate, Stream stream) {
    if (gate.size() == 0) {
        return;
    }
    take_kernel<<<blocks_for(gate.size()), kThreads, 0, queue_of(stream).get()>>>(
        chosen.probs.data, chosen.expert.data, chosen.among.data, gate.shape[1],
        chosen.probs.shape[1], gate.size(), gate.data
    );
    check_launch();
}

void take_probabilities_backward(
    ChosenProbabilities const& chosen,
    View<float const, 2> dgate,
    View<float, 2> dlogits,
    Stream stream
) {
    auto const tokens = dgate.shape[0];
    if (tokens == 0) {
        return;
    }
    ChoiceTable const table{chosen.probs.data, chosen.expert.data, chosen.among.data, tokens,
                            dgate.shape[1],    dlogits.shape[1]};
    take_backward_kernel<<<blocks_for(tokens), kThreads, 0, queue_of(stream).get()>>>(
        table, dgate.data, dlogits.data
    );
    check_launch();
}

}  // namespace isogloss::cuda

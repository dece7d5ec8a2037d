// kernels/top_k_softmax_cpu.cpp
#include <algorithm>
#include <cmath>

#include "kernels/backend.h"
#include "kernels/parallel.h"

namespace isogloss::cpu {
namespace {

void softmax(float const* logit, std::int64_t size, float* prob) {
    float const largest = *std::max_element(logit, logit + size);
    float sum = 0.0F;
    for (std::int64_t e = 0; e < size; ++e) {
        prob[e] = std::exp(logit[e] - largest);
        sum += prob[e];
    }
    for (std::int64_t e = 0; e < size; ++e) {
        prob[e] /= sum;
    }
}

/// The experts with the largest of `size` logits, falling, ties to the lower index; -1 where there
/// are no more. With NaN among the logits the indices are still different and inside.
void choose(float const* logit, std::int64_t size, std::int64_t choices, std::int32_t* expert) {
    for (std::int64_t k = 0; k < choices; ++k) {
        std::int64_t best = -1;
        for (std::int64_t e = 0; e < size; ++e) {
            bool const taken = std::find(expert, expert + k, e) != expert + k;
            if (!taken && (best < 0 || logit[e] > logit[best])) {
                best = e;
            }
        }
        expert[k] = static_cast<std::int32_t>(best);
    }
}

/// The softmax of the chosen logits; 0 for absent choices.
void weigh(float const* logit, std::int32_t const* expert, std::int64_t choices, float* gate) {
    float sum = 0.0F;
    for (std::int64_t k = 0; k < choices; ++k) {
        gate[k] = expert[k] < 0 ? 0.0F : std::exp(logit[expert[k]] - logit[expert[0]]);
        sum += gate[k];
    }
    for (std::int64_t k = 0; k < choices; ++k) {
        gate[k] /= sum;
    }
}

}  // namespace

void top_k_softmax(
    View<float const, 2> logits,
    View<std::int32_t const, 1> among,
    View<float, 2> probs,
    View<float, 2> gate,
    View<std::int32_t, 2> expert,
    Stream /*stream*/
) {
    std::int64_t const size = logits.shape[1];
    std::int64_t const choices = gate.shape[1];
    parallel_rows(logits.shape[0], size * (8 + choices), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
            float const* const logit = logits.data + n * size;
            std::int32_t* const chosen = expert.data + n * choices;
            softmax(logit, size, probs.data + n * size);
            std::int64_t const first = among.data == nullptr ? size : among.data[n];
            choose(logit, first, choices, chosen);
            if (first == 0) {
                chosen[0] = 0;
            }
            weigh(logit, chosen, choices, gate.data + n * choices);
        }
    });
}

void top_k_softmax_backward(
    View<float const, 2> gate,
    View<std::int32_t const, 2> expert,
    View<float const, 2> dgate,
    View<float, 2> dlogits,
    Stream /*stream*/
) {
    std::int64_t const size = dlogits.shape[1];
    std::int64_t const choices = gate.shape[1];
    parallel_rows(gate.shape[0], 4 * size, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
            float* const gradient = dlogits.data + n * size;
            std::fill_n(gradient, size, 0.0F);
            float mean = 0.0F;
            for (std::int64_t i = n * choices; i < (n + 1) * choices; ++i) {
                mean += gate.data[i] * dgate.data[i];
            }
            for (std::int64_t i = n * choices; i < (n + 1) * choices; ++i) {
                if (expert.data[i] >= 0) {
                    gradient[expert.data[i]] = gate.data[i] * (dgate.data[i] - mean);
                }
            }
        }
    });
}

}  // namespace isogloss::cpu

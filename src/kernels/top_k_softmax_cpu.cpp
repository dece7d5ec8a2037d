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

/// The experts with the largest prob, falling, ties to the lower index. With NaN among the probs
/// the indices are still different and inside.
void choose(float const* prob, std::int64_t size, std::int64_t choices, std::int32_t* expert) {
    for (std::int64_t k = 0; k < choices; ++k) {
        std::int64_t best = -1;
        for (std::int64_t e = 0; e < size; ++e) {
            bool const taken = std::find(expert, expert + k, e) != expert + k;
            if (!taken && (best < 0 || prob[e] > prob[best])) {
                best = e;
            }
        }
        expert[k] = static_cast<std::int32_t>(best);
    }
}

}  // namespace

void top_k_softmax(
    View<float const, 2> logits,
    View<float, 2> probs,
    View<float, 2> gate,
    View<std::int32_t, 2> expert,
    Stream /*stream*/
) {
    std::int64_t const size = logits.shape[1];
    std::int64_t const choices = gate.shape[1];
    parallel_rows(logits.shape[0], size * (8 + choices), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
            float* const prob = probs.data + n * size;
            std::int32_t* const chosen = expert.data + n * choices;
            softmax(logits.data + n * size, size, prob);
            choose(prob, size, choices, chosen);
            float sum = 0.0F;
            for (std::int64_t k = 0; k < choices; ++k) {
                sum += prob[chosen[k]];
            }
            for (std::int64_t k = 0; k < choices; ++k) {
                gate.data[n * choices + k] = prob[chosen[k]] / sum;
            }
        }
    });
}

void top_k_softmax_backward(
    View<float const, 2> probs,
    View<float const, 2> gate,
    View<std::int32_t const, 2> expert,
    View<float const, 2> dgate,
    View<float const, 2> dprobs,
    View<float, 2> dlogits,
    Stream /*stream*/
) {
    std::int64_t const size = probs.shape[1];
    std::int64_t const choices = gate.shape[1];
    parallel_rows(probs.shape[0], 4 * size, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
            float const* const prob = probs.data + n * size;
            float* const gradient = dlogits.data + n * size;
            // First the gradient of the probs: gate_k = prob_k / sum of the chosen.
            if (dprobs.data != nullptr) {
                std::copy_n(dprobs.data + n * size, size, gradient);
            } else {
                std::fill_n(gradient, size, 0.0F);
            }
            float sum = 0.0F;
            float mean = 0.0F;
            for (std::int64_t i = n * choices; i < (n + 1) * choices; ++i) {
                sum += prob[expert.data[i]];
                mean += gate.data[i] * dgate.data[i];
            }
            for (std::int64_t i = n * choices; i < (n + 1) * choices; ++i) {
                gradient[expert.data[i]] += (dgate.data[i] - mean) / sum;
            }
            // Then through the softmax.
            float dot = 0.0F;
            for (std::int64_t e = 0; e < size; ++e) {
                dot += prob[e] * gradient[e];
            }
            for (std::int64_t e = 0; e < size; ++e) {
                gradient[e] = prob[e] * (gradient[e] - dot);
            }
        }
    });
}

}  // namespace isogloss::cpu

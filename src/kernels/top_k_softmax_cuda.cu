// kernels/top_k_softmax_cuda.cu
#include "kernels/backend.h"
#include "kernels/cuda_parts.h"

namespace isogloss::cuda {
namespace {

/// A thread a token: there are few experts, and the order of the CPU's sums is kept.
struct Route {
    float const* logits;
    std::int32_t const* among;
    float* probs;
    float* gate;
    std::int32_t* expert;
    int size;
    int choices;

    template <int n>
    __device__ void at(std::int64_t token) const {
        float const* const logit = logits + token * size;
        std::int32_t* const chosen = expert + token * choices;
        softmax(logit, probs + token * size);
        int const first = among == nullptr ? size : among[token];
        choose(logit, first, chosen);
        if (first == 0) {
            chosen[0] = 0;
        }
        weigh(logit, chosen, gate + token * choices);
    }

private:
    __device__ void softmax(float const* logit, float* prob) const {
        float largest = logit[0];
        for (int e = 1; e < size; ++e) {
            largest = logit[e] > largest ? logit[e] : largest;
        }
        float sum = 0.0F;
        for (int e = 0; e < size; ++e) {
            prob[e] = expf(logit[e] - largest);
            sum += prob[e];
        }
        for (int e = 0; e < size; ++e) {
            prob[e] /= sum;
        }
    }

    /// The largest of logit[0, first), falling, ties to the lower index; -1 where there are no
    /// more.
    __device__ void choose(float const* logit, int first, std::int32_t* chosen) const {
        for (int k = 0; k < choices; ++k) {
            int best = -1;
            for (int e = 0; e < first; ++e) {
                bool taken = false;
                for (int before = 0; before < k; ++before) {
                    taken = taken || chosen[before] == e;
                }
                if (!taken && (best < 0 || logit[e] > logit[best])) {
                    best = e;
                }
            }
            chosen[k] = best;
        }
    }

    __device__ void weigh(float const* logit, std::int32_t const* chosen, float* weight) const {
        float sum = 0.0F;
        for (int k = 0; k < choices; ++k) {
            weight[k] = chosen[k] < 0 ? 0.0F : expf(logit[chosen[k]] - logit[chosen[0]]);
            sum += weight[k];
        }
        for (int k = 0; k < choices; ++k) {
            weight[k] /= sum;
        }
    }
};

struct RouteBack {
    float const* gate;
    std::int32_t const* expert;
    float const* dgate;
    float* dlogits;
    int size;
    int choices;

    template <int n>
    __device__ void at(std::int64_t token) const {
        float* const gradient = dlogits + token * size;
        for (int e = 0; e < size; ++e) {
            gradient[e] = 0.0F;
        }
        float mean = 0.0F;
        for (std::int64_t i = token * choices; i < (token + 1) * choices; ++i) {
            mean += gate[i] * dgate[i];
        }
        for (std::int64_t i = token * choices; i < (token + 1) * choices; ++i) {
            if (expert[i] >= 0) {
                gradient[expert[i]] = gate[i] * (dgate[i] - mean);
            }
        }
    }
};

}  // namespace

void top_k_softmax(
    View<float const, 2> logits,
    View<std::int32_t const, 1> among,
    View<float, 2> probs,
    View<float, 2> gate,
    View<std::int32_t, 2> expert,
    Stream stream
) {
    Route const route{
        logits.data,
        among.data,
        probs.data,
        gate.data,
        expert.data,
        static_cast<int>(logits.shape[1]),
        static_cast<int>(gate.shape[1])};
    over_elements<1>(logits.shape[0], true, route, stream);
}

void top_k_softmax_backward(
    View<float const, 2> gate,
    View<std::int32_t const, 2> expert,
    View<float const, 2> dgate,
    View<float, 2> dlogits,
    Stream stream
) {
    RouteBack const back{
        gate.data,
        expert.data,
        dgate.data,
        dlogits.data,
        static_cast<int>(dlogits.shape[1]),
        static_cast<int>(gate.shape[1])};
    over_elements<1>(gate.shape[0], true, back, stream);
}

}  // namespace isogloss::cuda

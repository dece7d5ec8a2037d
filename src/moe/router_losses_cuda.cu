// moe/router_losses_cuda.cu
#include <vector>

#include "base/math.h"
#include "device/cuda_memory.h"
#include "moe/cuda_launch.h"
#include "moe/router_losses.h"

namespace isogloss::cuda {
namespace {

// What the kernels need of RouterLossTerms: null lists where a loss is not wanted.
struct Terms {
    std::int32_t const* group;
    std::int32_t const* is_old;
    float classification;
    float priors;
    PriorsForm priors_form;

    [[nodiscard]] __device__ bool has_group(std::int64_t n) const {
        return group != nullptr && group[n] >= 0;
    }
    [[nodiscard]] __device__ bool counts_as_old(std::int64_t n) const {
        return is_old != nullptr && is_old[n] == 1;
    }
};

Terms terms_of(RouterLossTerms const& terms) {
    auto const weight = [](LossTerm const& term) {
        return static_cast<float>(term.share * term.coefficient);
    };
    return {
        terms.classification.is_wanted() ? terms.group.data : nullptr,
        terms.priors.is_wanted() ? terms.is_old.data : nullptr, weight(terms.classification),
        weight(terms.priors), terms.priors_form};
}

// ln sum_e exp(x(e)), in double.
template <class Number>
__device__ double log_sum(std::int64_t count, Number const& x) {
    double largest = x(0);
    for (std::int64_t e = 1; e < count; ++e) {
        largest = fmax(largest, x(e));
    }
    double sum = 0.0;
    for (std::int64_t e = 0; e < count; ++e) {
        sum += exp(x(e) - largest);
    }
    return largest + log(sum);
}

// sums[2 b] and sums[2 b + 1]: the losses of block b's tokens.
__global__ void losses_kernel(
    float const* logits, std::int64_t tokens, std::int64_t experts, Terms terms, double* sums
) {
    auto const n = thread_place();
    double classification = 0.0;
    double priors = 0.0;
    if (n < tokens && (terms.has_group(n) || terms.counts_as_old(n))) {
        auto const logit = [&](std::int64_t e) {
            return static_cast<double>(logits[n * experts + e]);
        };
        double const log_all = log_sum(experts, logit);
        if (terms.has_group(n) && terms.group[n] < experts) {
            classification = log_all - logit(terms.group[n]);
        }
        auto const prob = [&](std::int64_t e) { return exp(logit(e) - log_all); };
        if (terms.counts_as_old(n)) {
            priors = terms.priors_form == PriorsForm::plain ? log_all - logit(0)
                                                            : log_sum(experts, prob) - prob(0);
        }
    }
    classification = block_sum(classification);
    priors = block_sum(priors);
    if (threadIdx.x == 0) {
        sums[2 * blockIdx.x] = classification;
        sums[2 * blockIdx.x + 1] = priors;
    }
}

__device__ void add_cross_entropy(
    float const* prob, std::int64_t experts, std::int32_t label, float weight, float* gradient
) {
    for (std::int64_t e = 0; e < experts; ++e) {
        gradient[e] += weight * (prob[e] - (e == label ? 1.0F : 0.0F));
    }
}

// gradient_e += prob_e (slope(e) - sum_i prob_i slope(i)).
template <class Slope>
__device__ void add_through_softmax(
    float const* prob, std::int64_t experts, Slope const& slope, float* gradient
) {
    float dot = 0.0F;
    for (std::int64_t e = 0; e < experts; ++e) {
        dot += prob[e] * slope(e);
    }
    for (std::int64_t e = 0; e < experts; ++e) {
        gradient[e] += prob[e] * (slope(e) - dot);
    }
}

__device__ void add_priors(
    float const* prob, std::int64_t experts, Terms const& terms, float* gradient
) {
    if (terms.priors_form == PriorsForm::plain) {
        return add_cross_entropy(prob, experts, 0, terms.priors, gradient);
    }
    float sum = 0.0F;
    for (std::int64_t e = 0; e < experts; ++e) {
        sum += expf(prob[e]);
    }
    auto const slope = [&](std::int64_t e) {
        return expf(prob[e]) * (terms.priors / sum) - (e == 0 ? terms.priors : 0.0F);
    };
    add_through_softmax(prob, experts, slope, gradient);
}

__global__ void gradients_kernel(
    float const* probs,
    std::int64_t tokens,
    std::int64_t experts,
    Terms terms,
    float const* slope,
    std::int32_t const* among,
    float* dlogits
) {
    auto const n = thread_place();
    if (n >= tokens) {
        return;
    }
    auto const* const prob = probs + n * experts;
    auto* const gradient = dlogits + n * experts;
    if (terms.has_group(n)) {
        add_cross_entropy(prob, experts, terms.group[n], terms.classification, gradient);
    }
    if (terms.counts_as_old(n)) {
        add_priors(prob, experts, terms, gradient);
    }
    if (slope != nullptr && (among == nullptr || among[n] > 0)) {
        auto const of = [&](std::int64_t e) { return slope[e]; };
        add_through_softmax(prob, experts, of, gradient);
    }
}

}  // namespace

RouterLossValues router_losses(
    View<float const, 2> logits, RouterLossTerms const& terms, Stream stream
) {
    auto const [tokens, experts] = logits.shape;
    auto const wanted = terms_of(terms);
    RouterLossValues values;
    if (tokens == 0 || (wanted.group == nullptr && wanted.is_old == nullptr)) {
        return values;
    }
    auto const blocks = blocks_for(tokens);
    std::vector<double> sums(2 * std::size_t{blocks});
    auto& queue = queue_of(stream);
    auto* const summed = queue.scratch_of<double>(static_cast<std::int64_t>(sums.size()));
    losses_kernel<<<blocks, kThreads, 0, queue.get()>>>(
        logits.data, tokens, experts, wanted, summed
    );
    check_launch();
    copy_to_host(sums.data(), summed, sums.size() * sizeof(double), stream);
    for (std::size_t b = 0; b < sums.size(); b += 2) {
        values.classification += sums[b];
        values.priors += sums[b + 1];
    }
    values.classification *= terms.classification.share;
    values.priors *= terms.priors.share;
    return values;
}

void add_router_loss_gradients(
    View<float const, 2> probs,
    RouterLossTerms const& terms,
    BalanceSlope const& balance,
    View<float, 2> dlogits,
    Stream stream
) {
    auto const [tokens, experts] = probs.shape;
    auto const wanted = terms_of(terms);
    bool const is_nothing =
        wanted.group == nullptr && wanted.is_old == nullptr && balance.slope.data == nullptr;
    if (tokens == 0 || is_nothing) {
        return;
    }
    gradients_kernel<<<blocks_for(tokens), kThreads, 0, queue_of(stream).get()>>>(
        probs.data, tokens, experts, wanted, balance.slope.data, balance.among.data, dlogits.data
    );
    check_launch();
}

}  // namespace isogloss::cuda

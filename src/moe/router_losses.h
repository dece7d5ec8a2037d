// moe/router_losses.h - what is asked of routers and classifiers besides the language model's loss.
#pragma once

#include <cstdint>

#include "device/view.h"

namespace isogloss {

// N tokens, E experts; p = softmax(logits) of a token. A mean over layers and tokens of the global
// batch is a sum of terms that each carry their part of it, so it depends neither on ranks nor on
// micro-batches.

/// What a perfectly balanced layer's balance loss is.
enum class BalanceScale : std::uint8_t {
    one,    ///< 1: Switch, arXiv:2101.03961, eq. 4, and the papers after it
    top_k,  ///< choices of a token, K: as the code released with MoE-LPR and LayerMoE computes it
};

/// The language-priors loss of a token of an old language, which should prefer expert 0: MoE-LPR,
/// arXiv:2408.11396.
enum class PriorsForm : std::uint8_t {
    plain,     ///< -log p_0, as the paper says
    released,  ///< -p_0 + ln sum_e exp(p_e): the released code takes p for logits
};

/// What the mean of the language-priors loss is over.
enum class PriorsMean : std::uint8_t {
    tokens,   ///< routed layers and tokens of old languages: MoE-LPR
    buckets,  ///< first so within the layers of equal E, then over these buckets: LayerMoE
};

/// Coefficients of the losses beside the language model's; 0: not asked for.
struct RouterLossWeights {
    double balance = 0.0;  ///< moe/balance_loss.h, of each micro-batch
    BalanceScale balance_scale = BalanceScale::one;
    double classification = 0.0;  ///< -log p_label of a token's group: DMoE, e.g. 1.28
    double priors = 0.0;          ///< e.g. 0.1
    PriorsForm priors_form = PriorsForm::plain;
    PriorsMean priors_mean = PriorsMean::tokens;
    double classifier = 0.0;  ///< -log softmax(c)_label of a classifier: LayerMoE, e.g. 0.1

    bool operator==(RouterLossWeights const&) const = default;
};

/// A term of a loss: its part of the mean, e.g. 1 / (layers x tokens), and the loss's coefficient.
/// Values are reported without the coefficient, gradients have it.
struct LossTerm {
    double share = 0.0;
    double coefficient = 0.0;

    [[nodiscard]] bool is_wanted() const { return share * coefficient != 0.0; }
};

/// The terms of one layer and this rank's tokens. Labels are -1 where a token is not counted.
struct RouterLossTerms {
    LossTerm classification;  ///< of each token with a group
    LossTerm priors;          ///< of each token of an old language
    LossTerm classifier;      ///< of each labelled decision
    PriorsForm priors_form = PriorsForm::plain;
    View<std::int32_t const, 1> group;   ///< [N] the expert that the router should name
    View<std::int32_t const, 1> is_old;  ///< [N] 1: of an original language, 0: of another
};

/// This layer's and rank's part of each mean; a sum over layers, ranks and micro-batches is the
/// mean. 0 where nothing is counted.
struct RouterLossValues {
    double classification = 0.0;
    double priors = 0.0;
    double classifier = 0.0;
};

/// What the balance loss adds to the gradient of a layer's logits.
struct BalanceSlope {
    View<float const, 1> slope;         ///< [E] of BalanceLoss::slope; null data: none
    View<std::int32_t const, 1> among;  ///< [N] of top_k_softmax: tokens of 0 are not in the loss
};

/// The sums of the wanted losses' terms, in double, with p = softmax(logits):
///
///     classification  -log p_group
///     priors          -log p_0, or -p_0 + ln sum_e exp(p_e)
///
/// Nothing is counted for labels of -1.                                  logits [N, E] float
/// @throws Error  (CPU) when a group is not below E
RouterLossValues router_losses(
    View<float const, 2> logits, RouterLossTerms const& terms, Stream stream
);

/// Adds the gradient of share * coefficient * loss of each wanted term, and of the balance loss.
/// With q = softmax(p) and [e = i] for one or zero, dlogits_e is, of each token,
///
///     classification  p_e - [e = group]
///     plain priors    p_e - [e = 0]
///     released priors p_e (g_e - sum_i p_i g_i),  g_i = q_i - [i = 0]
///     balance         p_e (slope_e - sum_i p_i slope_i)
///
/// @param probs    [N, E]
/// @param dlogits  [N, E]
void add_router_loss_gradients(
    View<float const, 2> probs,
    RouterLossTerms const& terms,
    BalanceSlope const& balance,
    View<float, 2> dlogits,
    Stream stream
);

// One definition a device. Call the functions above.
namespace cpu {
RouterLossValues router_losses(View<float const, 2> logits, RouterLossTerms const& terms);
void add_router_loss_gradients(
    View<float const, 2> probs,
    RouterLossTerms const& terms,
    BalanceSlope const& balance,
    View<float, 2> dlogits
);
}  // namespace cpu

namespace cuda {
RouterLossValues router_losses(
    View<float const, 2> logits, RouterLossTerms const& terms, Stream stream
);
void add_router_loss_gradients(
    View<float const, 2> probs,
    RouterLossTerms const& terms,
    BalanceSlope const& balance,
    View<float, 2> dlogits,
    Stream stream
);
}  // namespace cuda

}  // namespace isogloss

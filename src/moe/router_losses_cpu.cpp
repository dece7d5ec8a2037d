// moe/router_losses_cpu.cpp
#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "base/require.h"
#include "moe/router_losses.h"

namespace isogloss::cpu {
namespace {

using Row = std::span<float const>;

Row row_of(View<float const, 2> x, std::int64_t n) {
    return x.rows(n, n + 1).span();
}

// ln sum_e exp(x_e).
double log_sum(std::span<double const> x) {
    double const largest = *std::max_element(x.begin(), x.end());
    double sum = 0.0;
    for (double const value : x) {
        sum += std::exp(value - largest);
    }
    return largest + std::log(sum);
}

double priors_loss(std::span<double const> logit, PriorsForm form) {
    double const log_all = log_sum(logit);
    if (form == PriorsForm::plain) {
        return log_all - logit[0];
    }
    std::vector<double> prob;
    for (double const value : logit) {
        prob.push_back(std::exp(value - log_all));
    }
    return log_sum(prob) - prob[0];
}

bool counts_as_old(RouterLossTerms const& terms, std::int64_t n) {
    return terms.priors.is_wanted() && terms.is_old.data[n] == 1;
}

bool has_group(RouterLossTerms const& terms, std::int64_t n) {
    return terms.classification.is_wanted() && terms.group.data[n] >= 0;
}

// gradient += weight * (prob - [e = label]).
void add_cross_entropy(Row prob, std::int32_t label, float weight, std::span<float> gradient) {
    for (std::size_t e = 0; e < prob.size(); ++e) {
        gradient[e] += weight * (prob[e] - (static_cast<std::int32_t>(e) == label ? 1.0F : 0.0F));
    }
}

// gradient += prob_e (slope_e - sum_i prob_i slope_i): through the softmax.
void add_through_softmax(Row prob, Row slope, std::span<float> gradient) {
    float dot = 0.0F;
    for (std::size_t e = 0; e < prob.size(); ++e) {
        dot += prob[e] * slope[e];
    }
    for (std::size_t e = 0; e < prob.size(); ++e) {
        gradient[e] += prob[e] * (slope[e] - dot);
    }
}

// slope_i = weight (q_i - [i = 0]), q = softmax(prob). Probabilities are in [0, 1], so no
// exponential is large.
void released_slope(Row prob, float weight, std::span<float> slope) {
    float sum = 0.0F;
    for (std::size_t e = 0; e < prob.size(); ++e) {
        slope[e] = std::exp(prob[e]);
        sum += slope[e];
    }
    for (auto& value : slope) {
        value *= weight / sum;
    }
    slope[0] -= weight;
}

float weight_of(LossTerm const& term) {
    return static_cast<float>(term.share * term.coefficient);
}

}  // namespace

RouterLossValues router_losses(View<float const, 2> logits, RouterLossTerms const& terms) {
    auto const [tokens, experts] = logits.shape;
    RouterLossValues values;
    for (std::int64_t n = 0; n < tokens; ++n) {
        if (!counts_as_old(terms, n) && !has_group(terms, n)) {
            continue;
        }
        auto const row = row_of(logits, n);
        std::vector<double> const logit(row.begin(), row.end());
        if (has_group(terms, n)) {
            auto const group = terms.group.data[n];
            require(
                group < experts, "router losses: token {} is labelled {} of {} experts", n, group,
                experts
            );
            values.classification += log_sum(logit) - logit[static_cast<std::size_t>(group)];
        }
        if (counts_as_old(terms, n)) {
            values.priors += priors_loss(logit, terms.priors_form);
        }
    }
    values.classification *= terms.classification.share;
    values.priors *= terms.priors.share;
    return values;
}

void add_router_loss_gradients(
    View<float const, 2> probs,
    RouterLossTerms const& terms,
    BalanceSlope const& balance,
    View<float, 2> dlogits
) {
    auto const priors = weight_of(terms.priors);
    std::vector<float> slope(static_cast<std::size_t>(probs.shape[1]));
    for (std::int64_t n = 0; n < probs.shape[0]; ++n) {
        auto const prob = row_of(probs, n);
        auto const gradient = dlogits.rows(n, n + 1).span();
        if (has_group(terms, n)) {
            auto const weight = weight_of(terms.classification);
            add_cross_entropy(prob, terms.group.data[n], weight, gradient);
        }
        if (counts_as_old(terms, n) && terms.priors_form == PriorsForm::plain) {
            add_cross_entropy(prob, 0, priors, gradient);
        } else if (counts_as_old(terms, n)) {
            released_slope(prob, priors, slope);
            add_through_softmax(prob, slope, gradient);
        }
        bool const is_routed = balance.among.data == nullptr || balance.among.data[n] > 0;
        if (balance.slope.data != nullptr && is_routed) {
            add_through_softmax(prob, balance.slope.span(), gradient);
        }
    }
}

}  // namespace isogloss::cpu

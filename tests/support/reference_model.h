// tests/support/reference_model.h - the whole model by its formulas, in plain loops over doubles.
//
// Shares no code with src/: scalars are `double` for values and central differences, or `Variable`
// for the gradient. All tokens of the global batch are on one machine and every expert is there.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "model/config.h"
#include "support/reference_parts.h"
#include "support/reference_task.h"
#include "support/tape.h"

namespace isogloss::test {

template <class S>
class ReferenceModel : private ReferenceParts<S> {
    using Parts = ReferenceParts<S>;
    using Parts::add_to;
    using Parts::config_;
    using Parts::feed_forward;
    using Parts::index;
    using Parts::normalised;
    using Parts::product;

public:
    using Parts::Parts;
    using typename Parts::Row;
    using typename Parts::Rows;

    ReferenceResult<S> run(ReferenceBatch const& batch, double counted, double coefficient) {
        return run(batch, {.counted = counted, .balance = coefficient});
    }

    ReferenceResult<S> run(ReferenceBatch const& batch, ReferenceTask const& task) {
        result_ = {};
        classification_ = {};
        classifier_ = {};
        priors_.clear();
        Rows x = Parts::embedded(batch.tokens);
        S balance = S(0.0);
        int routed = 0;
        for (std::int32_t i = 0; i < config_.num_layers(); ++i) {
            auto const layer = "layers." + std::to_string(i) + ".";
            add_to(x, Parts::attention(normalised(x, layer + "attention_norm"), batch, layer));
            auto const h = normalised(x, layer + "ffn_norm");
            result_.expert_tokens.emplace_back();
            if (config_.layers[index(i)].has_router()) {
                balance = balance + mixture(h, x, i, batch, task);
                ++routed;
            } else {
                for (std::size_t n = 0; n < x.size(); ++n) {
                    add_to(x[n], feed_forward(h[n], layer + "experts.0."));
                }
            }
        }
        result_.objective = head(normalised(x, "final_norm"), batch) / S(task.counted);
        if (routed > 0) {
            balance = balance / S(static_cast<double>(routed));
            result_.balance_loss = value_of(balance);
            result_.objective = result_.objective + S(task.balance) * balance;
        }
        add_loss(classification_.value(), task.classification, result_.classification_loss);
        add_loss(classifier_.value(), task.classifier, result_.classifier_loss);
        add_loss(priors_mean(task), task.priors, result_.priors_loss);
        return result_;
    }

private:
    // A mean whose terms come one by one; 0 without terms.
    struct Mean {
        S sum = S(0.0);
        double terms = 0.0;

        void add(S const& term) {
            sum = sum + term;
            terms += 1.0;
        }
        [[nodiscard]] S value() const { return terms > 0.0 ? sum / S(terms) : S(0.0); }
    };

    void add_loss(S const& loss, double coefficient, double& value) {
        result_.objective = result_.objective + S(coefficient) * loss;
        value = coefficient != 0.0 ? value_of(loss) : 0.0;
    }
    S priors_mean(ReferenceTask const& task) const {
        Mean all;
        Mean buckets;
        for (auto const& [experts, mean] : priors_) {
            all.sum = all.sum + mean.sum;
            all.terms += mean.terms;
            buckets.add(mean.value());
        }
        return task.priors_by_buckets ? buckets.value() : all.value();
    }
    static S cross_entropy(Row const& logits, std::size_t label) {
        using std::exp;
        using std::log;
        S total = S(0.0);
        for (auto const& logit : logits) {
            total = total + exp(logit);
        }
        return log(total) - logits[label];
    }
    // Tokens of a row that are not padding: up to the last that counts.
    static std::size_t row_tokens(ReferenceBatch const& batch, std::size_t row) {
        auto length = index(batch.row_length);
        while (length > 0 && batch.targets[row * index(batch.row_length) + length - 1] < 0) {
            --length;
        }
        return length;
    }
    // [token] 0: old, 1: new; all 1 where no classifier is asked.
    std::vector<int> classes(
        Rows const& h, std::int32_t layer, ReferenceBatch const& batch, ReferenceTask const& task
    ) {
        std::vector<int> classes(h.size(), 1);
        auto const& its = config_.layers[index(layer)].classifier;
        if (task.is_hard || !task.classify || its.classes == 0) {
            return classes;
        }
        bool const by_row = its.span == ClassifierSpan::sequence;
        auto const length = index(batch.row_length);
        auto const run = by_row ? length : 1;
        for (std::size_t first = 0; first < h.size(); first += run) {
            auto const row = first / length;
            Row sum(index(config_.width), S(0.0));
            auto const counted = by_row ? row_tokens(batch, row) : 1;
            for (std::size_t n = first; n < first + counted; ++n) {
                add_to(sum, h[n]);
            }
            auto const c = product(sum, "layers." + std::to_string(layer) + ".classifier.weight");
            int const decided = value_of(c[1]) > value_of(c[0]) ? 1 : 0;
            result_.smallest_margin =
                std::min(result_.smallest_margin, std::abs(value_of(c[1]) - value_of(c[0])));
            std::fill_n(classes.begin() + static_cast<std::ptrdiff_t>(first), run, decided);
            bool const is_labelled = !task.is_old.empty() && task.is_old[row] >= 0 &&
                                     (by_row ? counted > 0 : batch.targets[first] >= 0);
            if (is_labelled) {
                int const label = task.is_old[row] == 1 ? 0 : 1;
                classifier_.add(cross_entropy(c, static_cast<std::size_t>(label)));
                ++result_.decisions;
                result_.correct += decided == label ? 1 : 0;
            }
        }
        return classes;
    }
    // The losses on a token's logits.
    void score(
        Row const& logits, Row const& probability, std::size_t row, ReferenceTask const& task
    ) {
        if (task.classification != 0.0 && task.expert[row] >= 0) {
            classification_.add(cross_entropy(logits, index(task.expert[row])));
        }
        if (task.priors != 0.0 && task.is_old[row] == 1) {
            auto const& scores = task.priors_as_released ? probability : logits;
            priors_[logits.size()].add(cross_entropy(scores, 0));
        }
    }
    std::vector<std::size_t> chosen_experts(
        Row const& probability,
        std::int32_t layer,
        std::size_t row,
        int decided,
        ReferenceTask const& task
    ) {
        if (task.is_hard) {
            return {index(task.expert[row])};
        }
        if (decided == 0) {
            return {0};
        }
        auto allowed = probability;
        if (task.classify && task.class_one_is_older &&
            config_.layers[index(layer)].classifier.classes > 0) {
            auto const& experts = config_.layers[index(layer)].experts;
            std::int32_t newest = 0;
            for (auto const& its : config_.layers) {
                for (auto const& expert : its.experts) {
                    newest = std::max(newest, expert.generation);
                }
            }
            allowed.resize(index(std::ranges::count_if(experts, [&](auto const& expert) {
                return expert.generation < newest;
            })));
        }
        auto const choices = std::min(index(config_.top_k), allowed.size());
        auto order = falling(allowed, choices);
        order.resize(choices);
        return order;
    }
    static void add_scaled(Row& x, S const& scale, Row const& y) {
        for (std::size_t d = 0; d < y.size(); ++d) {
            x[d] = x[d] + scale * y[d];
        }
    }
    void add_shared_expert(Row& x, Row const& h, std::string const& name) const {
        using std::exp;
        S const score = product(h, name + "gate.weight")[0];
        add_scaled(x, S(1.0) / (S(1.0) + exp(S(0.0) - score)), feed_forward(h, name));
    }
    // Adds the experts' outputs to x. Returns scale * E sum_e f_e P_e of the routed tokens.
    S mixture(
        Rows const& h,
        Rows& x,
        std::int32_t i,
        ReferenceBatch const& batch,
        ReferenceTask const& task
    ) {
        auto const layer = "layers." + std::to_string(i) + ".";
        auto const experts = index(config_.layers[index(i)].num_experts());
        auto& counts = result_.expert_tokens.back();
        counts.assign(experts, 0);
        std::vector<double> routed_counts(experts, 0.0);
        Row probability_sum(experts, S(0.0));
        double routed = 0.0;
        auto const decided = classes(h, i, batch, task);
        for (std::size_t n = 0; n < h.size(); ++n) {
            auto const row = n / index(batch.row_length);
            auto const logits = product(h[n], layer + "router.weight");
            auto const probability = softmax(logits);
            auto const order = chosen_experts(probability, i, row, decided[n], task);
            bool const is_routed = !task.is_hard && decided[n] == 1;
            S chosen = S(0.0);
            for (auto const e : order) {
                chosen = chosen + probability[e];
            }
            for (auto const e : order) {
                ++counts[e];
                routed_counts[e] += is_routed ? 1.0 : 0.0;
                bool const shares = config_.gates == GateScale::renormalised;
                S const gate = is_routed ? probability[e] / (shares ? chosen : S(1.0)) : S(1.0);
                add_scaled(
                    x[n], gate, feed_forward(h[n], layer + "experts." + std::to_string(e) + ".")
                );
            }
            if (config_.layers[index(i)].shared_hidden > 0) {
                add_shared_expert(x[n], h[n], layer + "shared_expert.");
            }
            if (batch.targets[n] >= 0) {
                score(logits, probability, row, task);
            }
            routed += is_routed ? 1.0 : 0.0;
            for (std::size_t e = 0; is_routed && e < experts; ++e) {
                probability_sum[e] = probability_sum[e] + probability[e];
            }
        }
        auto const all = std::accumulate(routed_counts.begin(), routed_counts.end(), 0.0);
        S loss = S(0.0);
        for (std::size_t e = 0; routed > 0.0 && e < experts; ++e) {
            double const factor =
                task.balance_scale * static_cast<double>(experts) * routed_counts[e] / all;
            loss = loss + S(factor / routed) * probability_sum[e];
        }
        return loss;
    }
    static Row softmax(Row const& logits) {
        using std::exp;
        S total = S(0.0);
        Row y;
        for (auto const& logit : logits) {
            y.push_back(exp(logit));
            total = total + y.back();
        }
        for (auto& value : y) {
            value = value / total;
        }
        return y;
    }
    std::vector<std::size_t> falling(Row const& probability, std::size_t choices) {
        std::vector<std::size_t> order(probability.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
            return value_of(probability[a]) > value_of(probability[b]);
        });
        for (std::size_t k = 0; k + 1 < order.size() && k < choices; ++k) {
            result_.smallest_margin = std::min(
                result_.smallest_margin,
                value_of(probability[order[k]]) - value_of(probability[order[k + 1]])
            );
        }
        return order;
    }
    S head(Rows const& h, ReferenceBatch const& batch) {
        using std::exp;
        using std::log;
        auto const name = config_.tied_embeddings ? "embedding.weight" : "head.weight";
        S sum = S(0.0);
        result_.row_loss.assign(index(batch.rows), 0.0);
        for (std::size_t n = 0; n < h.size(); ++n) {
            if (batch.targets[n] < 0) {
                continue;
            }
            auto const logits = product(h[n], name);
            S total = S(0.0);
            for (auto const& logit : logits) {
                total = total + exp(logit);
            }
            S const loss = log(total) - logits[index(batch.targets[n])];
            result_.row_loss[n / index(batch.row_length)] += value_of(loss);
            sum = sum + loss;
        }
        return sum;
    }

    ReferenceResult<S> result_;
    Mean classification_;
    Mean classifier_;
    std::map<std::size_t, Mean> priors_;  // by number of experts
};

/// Objective and the gradient of every parameter.
struct ReferenceGradient {
    ReferenceResult<double> result;
    Parameters<double> gradient;
};

inline ReferenceGradient reference_gradient(
    ModelConfig const& config,
    Parameters<double> const& parameters,
    ReferenceBatch const& batch,
    ReferenceTask const& task
) {
    Tape tape;
    Parameters<Variable> variables;
    for (auto const& [name, values] : parameters) {
        for (double const value : values) {
            variables[name].emplace_back(value, tape);
        }
    }
    auto const run = ReferenceModel<Variable>(config, variables).run(batch, task);
    auto const derivatives = tape.derivatives_of(run.objective.node);
    ReferenceGradient answer;
    answer.result.objective = run.objective.value;
    answer.result.row_loss = run.row_loss;
    answer.result.balance_loss = run.balance_loss;
    answer.result.classification_loss = run.classification_loss;
    answer.result.priors_loss = run.priors_loss;
    answer.result.classifier_loss = run.classifier_loss;
    answer.result.decisions = run.decisions;
    answer.result.correct = run.correct;
    answer.result.expert_tokens = run.expert_tokens;
    answer.result.smallest_margin = run.smallest_margin;
    for (auto const& [name, values] : variables) {
        for (auto const& value : values) {
            answer.gradient[name].push_back(derivatives[static_cast<std::size_t>(value.node)]);
        }
    }
    return answer;
}

inline ReferenceGradient reference_gradient(
    ModelConfig const& config,
    Parameters<double> const& parameters,
    ReferenceBatch const& batch,
    double counted,
    double coefficient
) {
    return reference_gradient(
        config, parameters, batch, {.counted = counted, .balance = coefficient}
    );
}

}  // namespace isogloss::test

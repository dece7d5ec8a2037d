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
#include "support/tape.h"

namespace isogloss::test {

/// Rows of the global batch, row after row.
struct ReferenceBatch {
    std::int64_t rows = 0;
    std::int64_t row_length = 0;
    std::vector<std::int32_t> tokens;
    std::vector<std::int32_t> targets;  ///< -1: does not count
    std::vector<std::int32_t> position;
    std::vector<std::int32_t> document_start;

    [[nodiscard]] std::size_t size() const { return tokens.size(); }
};

template <class S>
using Parameters = std::map<std::string, std::vector<S>>;

template <class S>
struct ReferenceResult {
    S objective = S(0.0);  ///< sum of losses / counted + coefficient * balance
    std::vector<double> row_loss;
    double balance_loss = 0.0;
    std::vector<std::vector<std::int64_t>> expert_tokens;
    double smallest_margin = 1e9;  ///< between the last chosen and the first not chosen expert
};

template <class S>
class ReferenceModel {
public:
    using Row = std::vector<S>;
    using Rows = std::vector<Row>;  // [token][width]

    ReferenceModel(ModelConfig const& config, Parameters<S> const& parameters)
        : config_(config), parameters_(parameters) {}

    ReferenceResult<S> run(ReferenceBatch const& batch, double counted, double coefficient) {
        result_ = {};
        Rows x;
        for (auto const token : batch.tokens) {
            x.push_back(row_of("embedding.weight", token));
        }
        S balance = S(0.0);
        int routed = 0;
        for (std::int32_t i = 0; i < config_.num_layers(); ++i) {
            auto const layer = "layers." + std::to_string(i) + ".";
            add_to(x, attention(normalised(x, layer + "attention_norm.weight"), batch, layer));
            auto const h = normalised(x, layer + "ffn_norm.weight");
            result_.expert_tokens.emplace_back();
            if (config_.layers[index(i)].has_router()) {
                balance = balance + mixture(h, x, i);
                ++routed;
            } else {
                for (std::size_t n = 0; n < x.size(); ++n) {
                    add_to(x[n], feed_forward(h[n], layer + "experts.0."));
                }
            }
        }
        result_.objective = head(normalised(x, "final_norm.weight"), batch) / S(counted);
        if (routed > 0) {
            balance = balance / S(static_cast<double>(routed));
            result_.balance_loss = value_of(balance);
            result_.objective = result_.objective + S(coefficient) * balance;
        }
        return result_;
    }

private:
    static std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }
    std::vector<S> const& weight(std::string const& name) const { return parameters_.at(name); }

    Row row_of(std::string const& name, std::int64_t row) const {
        auto const width = config_.width;
        auto const& values = weight(name);
        return Row(values.begin() + row * width, values.begin() + (row + 1) * width);
    }
    static void add_to(Row& x, Row const& y) {
        for (std::size_t d = 0; d < x.size(); ++d) {
            x[d] = x[d] + y[d];
        }
    }
    static void add_to(Rows& x, Rows const& y) {
        for (std::size_t n = 0; n < x.size(); ++n) {
            add_to(x[n], y[n]);
        }
    }
    // y = W x for W [out, in].
    Row product(Row const& x, std::string const& name) const {
        auto const& values = weight(name);
        Row y(values.size() / x.size(), S(0.0));
        for (std::size_t o = 0; o < y.size(); ++o) {
            for (std::size_t i = 0; i < x.size(); ++i) {
                y[o] = y[o] + values[o * x.size() + i] * x[i];
            }
        }
        return y;
    }
    Rows normalised(Rows const& x, std::string const& gain) const {
        using std::sqrt;
        Rows y = x;
        for (auto& row : y) {
            S squares = S(0.0);
            for (auto const& value : row) {
                squares = squares + value * value;
            }
            S const root = sqrt(
                squares / S(static_cast<double>(row.size())) +
                S(static_cast<double>(config_.norm_epsilon))
            );
            for (std::size_t d = 0; d < row.size(); ++d) {
                row[d] = row[d] / root * weight(gain)[d];
            }
        }
        return y;
    }
    // Pairs (i, i + W/2) of head `head` of `row` turned by position * theta^(-2i/W).
    void turn(Row& row, std::int64_t head, std::int32_t position) const {
        auto const width = config_.head_width;
        for (std::int64_t i = 0; i < width / 2; ++i) {
            double const angle =
                position * std::pow(
                               static_cast<double>(config_.rope_theta),
                               -2.0 * static_cast<double>(i) / static_cast<double>(width)
                           );
            auto& a = row[index(head * width + i)];
            auto& b = row[index(head * width + i + width / 2)];
            S const turned = a * S(std::cos(angle)) - b * S(std::sin(angle));
            b = a * S(std::sin(angle)) + b * S(std::cos(angle));
            a = turned;
        }
    }
    Rows attention(Rows const& h, ReferenceBatch const& batch, std::string const& layer) const {
        Rows qkv;
        for (std::size_t n = 0; n < h.size(); ++n) {
            qkv.push_back(product(h[n], layer + "attention.qkv.weight"));
            if (config_.qkv_bias) {
                add_to(qkv[n], weight(layer + "attention.qkv.bias"));
            }
            for (std::int64_t head = 0; head < config_.num_heads + config_.num_kv_heads; ++head) {
                turn(qkv[n], head, batch.position[n]);
            }
        }
        Rows y;
        for (std::size_t n = 0; n < h.size(); ++n) {
            Row mixed;
            for (std::int64_t head = 0; head < config_.num_heads; ++head) {
                auto const part = attend(qkv, batch, n, head);
                mixed.insert(mixed.end(), part.begin(), part.end());
            }
            y.push_back(product(mixed, layer + "attention.output.weight"));
        }
        return y;
    }
    Row attend(Rows const& qkv, ReferenceBatch const& batch, std::size_t n, std::int64_t head)
        const {
        using std::exp;
        auto const width = config_.head_width;
        auto const kv = head / (config_.num_heads / config_.num_kv_heads);
        auto const row_start = n / index(batch.row_length) * index(batch.row_length);
        auto const first = row_start + index(batch.document_start[n]);
        auto const key = (config_.num_heads + kv) * width;
        auto const value = (config_.num_heads + config_.num_kv_heads + kv) * width;
        S total = S(0.0);
        Row sum(index(width), S(0.0));
        for (auto j = first; j <= n; ++j) {
            S score = S(0.0);
            for (std::int64_t w = 0; w < width; ++w) {
                score = score + qkv[n][index(head * width + w)] * qkv[j][index(key + w)];
            }
            S const weighted = exp(score / S(std::sqrt(static_cast<double>(width))));
            total = total + weighted;
            for (std::int64_t w = 0; w < width; ++w) {
                sum[index(w)] = sum[index(w)] + weighted * qkv[j][index(value + w)];
            }
        }
        for (auto& element : sum) {
            element = element / total;
        }
        return sum;
    }
    Row feed_forward(Row const& h, std::string const& expert) const {
        using std::exp;
        auto const both = product(h, expert + "gate_up.weight");
        Row hidden;
        for (std::int64_t f = 0; f < config_.ffn_hidden; ++f) {
            auto const& z = both[index(f)];
            hidden.push_back(z / (S(1.0) + exp(S(0.0) - z)) * both[index(config_.ffn_hidden + f)]);
        }
        return product(hidden, expert + "down.weight");
    }
    // Adds the experts' outputs to x. Returns E sum_e f_e P_e.
    S mixture(Rows const& h, Rows& x, std::int32_t i) {
        auto const layer = "layers." + std::to_string(i) + ".";
        auto const experts = index(config_.layers[index(i)].num_experts());
        auto const choices = std::min(index(config_.top_k), experts);
        auto& counts = result_.expert_tokens.back();
        counts.assign(experts, 0);
        Row mean_probability(experts, S(0.0));
        auto const tokens = static_cast<double>(h.size());
        for (std::size_t n = 0; n < h.size(); ++n) {
            auto const probability = softmax(product(h[n], layer + "router.weight"));
            auto const order = falling(probability, choices);
            S chosen = S(0.0);
            for (std::size_t k = 0; k < choices; ++k) {
                chosen = chosen + probability[order[k]];
            }
            for (std::size_t k = 0; k < choices; ++k) {
                ++counts[order[k]];
                auto y = feed_forward(h[n], layer + "experts." + std::to_string(order[k]) + ".");
                for (std::size_t d = 0; d < y.size(); ++d) {
                    x[n][d] = x[n][d] + probability[order[k]] / chosen * y[d];
                }
            }
            for (std::size_t e = 0; e < experts; ++e) {
                mean_probability[e] = mean_probability[e] + probability[e] / S(tokens);
            }
        }
        S loss = S(0.0);
        for (std::size_t e = 0; e < experts; ++e) {
            double const fraction =
                static_cast<double>(counts[e]) / (static_cast<double>(choices) * tokens);
            loss = loss + S(static_cast<double>(experts) * fraction) * mean_probability[e];
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

    ModelConfig const& config_;
    Parameters<S> const& parameters_;
    ReferenceResult<S> result_;
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
    double counted,
    double coefficient
) {
    Tape tape;
    Parameters<Variable> variables;
    for (auto const& [name, values] : parameters) {
        for (double const value : values) {
            variables[name].emplace_back(value, tape);
        }
    }
    auto const run = ReferenceModel<Variable>(config, variables).run(batch, counted, coefficient);
    auto const derivatives = tape.derivatives_of(run.objective.node);
    ReferenceGradient answer;
    answer.result.objective = run.objective.value;
    answer.result.row_loss = run.row_loss;
    answer.result.balance_loss = run.balance_loss;
    answer.result.expert_tokens = run.expert_tokens;
    answer.result.smallest_margin = run.smallest_margin;
    for (auto const& [name, values] : variables) {
        for (auto const& value : values) {
            answer.gradient[name].push_back(derivatives[static_cast<std::size_t>(value.node)]);
        }
    }
    return answer;
}

}  // namespace isogloss::test

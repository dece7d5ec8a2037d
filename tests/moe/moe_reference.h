// tests/moe/moe_reference.h - a mixture-of-experts layer by its formulas, token by token, in
// double.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "base/random.h"
#include "moe/bounded.h"

namespace isogloss {

using Values = std::vector<double>;
using Bounds = std::vector<Bounded>;

/// The whole problem, for the tokens of all ranks.
struct MoeProblem {
    std::size_t tokens = 0, width = 0, hidden = 0, experts = 0, choices = 0;
    /// Rounding to the type that rows are stored in: 0 for float, 2^-8 for bf16.
    double storage_unit = 0.0;
    double balance_coefficient = 0.0;
    Values x;                     // [N, D]
    Values dy;                    // [N, D]: the loss is sum dy y + coefficient * balance loss
    Values router;                // [E, D]
    std::vector<Values> gate_up;  // [E][2F, D]
    std::vector<Values> down;     // [E][D, F]
    bool gates_are_probabilities = false;
    Values shared_gate_up;  // [2Fs, D]; empty: no shared expert
    Values shared_down;     // [D, Fs]
    Values shared_gate;     // [1, D]
};

struct MoeAnswer {
    Bounds y;                      // [N, D]
    Bounds dx;                     // [N, D]
    Bounds drouter;                // [E, D]
    std::vector<Bounds> dgate_up;  // [E][2F, D]
    std::vector<Bounds> ddown;     // [E][D, F]
    Bounds dshared_gate_up;
    Bounds dshared_down;
    Bounds dshared_gate;
    std::vector<std::size_t> chosen;   // [N, K]
    std::vector<std::int64_t> counts;  // [E]
    Bounded balance;
    double loss = 0.0;
    double smallest_gap = 1e9;  // between the logits of the last chosen and the first not chosen
};

/// Sums that become gradients, one a parameter.
using Sums = std::vector<BoundedSum>;

class MoeReference {
public:
    explicit MoeReference(MoeProblem const& problem) : p_(problem) {}

    MoeAnswer solve() {
        start();
        for (std::size_t n = 0; n < p_.tokens; ++n) {
            choose(n);
        }
        add_balance();
        for (std::size_t n = 0; n < p_.tokens; ++n) {
            token(n);
        }
        finish();
        return answer_;
    }

private:
    struct Token {
        Bounds probs, gate;
        std::vector<std::size_t> expert;
    };
    struct Forward {
        Bounds gate, up, sigmoid, hidden, out;
    };

    Bounded stored(Bounded a) const { return {a.value, a.error + p_.storage_unit * a.size()}; }

    void start() {
        answer_.y.resize(p_.tokens * p_.width);
        answer_.dx.resize(p_.tokens * p_.width);
        answer_.counts.resize(p_.experts);
        drouter_.resize(p_.experts * p_.width);
        dgate_up_.assign(p_.experts, Sums(2 * p_.hidden * p_.width));
        ddown_.assign(p_.experts, Sums(p_.hidden * p_.width));
        slope_.assign(p_.experts, 0.0);
        dshared_gate_up_.resize(p_.shared_gate_up.size());
        dshared_down_.resize(p_.shared_down.size());
        dshared_gate_.resize(p_.shared_gate.size());
    }

    void choose(std::size_t n) {
        Token t;
        Bounds logits;
        for (std::size_t e = 0; e < p_.experts; ++e) {
            BoundedSum sum;
            for (std::size_t d = 0; d < p_.width; ++d) {
                sum.add(Bounded(p_.x[n * p_.width + d]) * p_.router[e * p_.width + d]);
            }
            logits.push_back(sum.total());
        }
        std::vector<std::size_t> order(p_.experts);
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::ranges::stable_sort(order, std::greater{}, [&](auto e) { return logits[e].value; });
        if (p_.choices < p_.experts) {
            answer_.smallest_gap = std::min(
                answer_.smallest_gap,
                logits[order[p_.choices - 1]].value - logits[order[p_.choices]].value
            );
        }
        BoundedSum all;
        for (auto const& logit : logits) {
            t.probs.push_back(exp(logit - logits[order[0]]));
            all.add(t.probs.back());
        }
        BoundedSum kept;
        for (auto& prob : t.probs) {
            prob = prob / all.total();
        }
        for (std::size_t k = 0; k < p_.choices; ++k) {
            t.expert.push_back(order[k]);
            kept.add(t.probs[order[k]]);
            ++answer_.counts[order[k]];
            answer_.chosen.push_back(order[k]);
        }
        for (auto const e : t.expert) {
            t.gate.push_back(p_.gates_are_probabilities ? t.probs[e] : t.probs[e] / kept.total());
        }
        tokens_.push_back(t);
    }

    void add_balance() {
        auto const n = static_cast<double>(p_.tokens);
        auto const all = n * static_cast<double>(p_.choices);
        for (std::size_t e = 0; e < p_.experts; ++e) {
            BoundedSum sum;
            for (auto const& t : tokens_) {
                sum.add(t.probs[e]);
            }
            auto const factor =
                static_cast<double>(p_.experts) * static_cast<double>(answer_.counts[e]) / all;
            answer_.balance = answer_.balance + sum.total() * (factor / n);
            slope_[e] = p_.balance_coefficient * factor / n;
        }
        answer_.loss = p_.balance_coefficient * answer_.balance.value;
    }

    Forward forward(std::size_t n, Values const& gate_up, Values const& down) const {
        auto const width = down.size() / p_.width;
        Forward f;
        for (std::size_t i = 0; i < 2 * width; ++i) {
            BoundedSum sum;
            for (std::size_t d = 0; d < p_.width; ++d) {
                sum.add(Bounded(p_.x[n * p_.width + d]) * gate_up[i * p_.width + d]);
            }
            (i < width ? f.gate : f.up).push_back(stored(sum.total()));
        }
        for (std::size_t i = 0; i < width; ++i) {
            f.sigmoid.push_back(Bounded(1.0) / (Bounded(1.0) + exp(Bounded(0.0) - f.gate[i])));
            f.hidden.push_back(stored(f.gate[i] * f.sigmoid[i] * f.up[i]));
        }
        for (std::size_t d = 0; d < p_.width; ++d) {
            BoundedSum sum;
            for (std::size_t i = 0; i < width; ++i) {
                sum.add(f.hidden[i] * down[d * width + i]);
            }
            f.out.push_back(stored(sum.total()));
        }
        return f;
    }

    // An expert's matrices and the sums of their gradients.
    struct Matrices {
        Values const& gate_up;
        Values const& down;
        Sums& dgate_up;
        Sums& ddown;
    };
    // Gradients of an expert for gate * dy, and what comes through it to x.
    Bounds backward(std::size_t n, Matrices const& its, Bounded gate, Forward const& f) const {
        auto const width = its.down.size() / p_.width;
        Bounds dout;
        for (std::size_t d = 0; d < p_.width; ++d) {
            dout.push_back(stored(gate * p_.dy[n * p_.width + d]));
        }
        Bounds dpre(2 * width);
        for (std::size_t i = 0; i < width; ++i) {
            BoundedSum sum;
            for (std::size_t d = 0; d < p_.width; ++d) {
                sum.add(dout[d] * its.down[d * width + i]);
                its.ddown[d * width + i].add(dout[d] * f.hidden[i]);
            }
            auto const dhidden = stored(sum.total());
            auto const s = f.sigmoid[i];
            dpre[i] =
                stored(dhidden * f.up[i] * s * (Bounded(1.0) + f.gate[i] * (Bounded(1.0) - s)));
            dpre[width + i] = stored(dhidden * f.gate[i] * s);
        }
        Bounds dx;
        for (std::size_t d = 0; d < p_.width; ++d) {
            BoundedSum sum;
            for (std::size_t i = 0; i < 2 * width; ++i) {
                sum.add(dpre[i] * its.gate_up[i * p_.width + d]);
                its.dgate_up[i * p_.width + d].add(dpre[i] * p_.x[n * p_.width + d]);
            }
            dx.push_back(stored(sum.total()));
        }
        return dx;
    }

    void token(std::size_t n) {
        auto const& t = tokens_[n];
        Sums y(p_.width);
        Sums dx(p_.width);
        Bounds dgate;
        for (std::size_t k = 0; k < p_.choices; ++k) {
            auto const e = t.expert[k];
            auto const f = forward(n, p_.gate_up[e], p_.down[e]);
            BoundedSum dot;
            for (std::size_t d = 0; d < p_.width; ++d) {
                y[d].add(stored(t.gate[k] * f.out[d]));
                dot.add(f.out[d] * p_.dy[n * p_.width + d]);
            }
            dgate.push_back(dot.total());
            auto const dpair =
                backward(n, {p_.gate_up[e], p_.down[e], dgate_up_[e], ddown_[e]}, t.gate[k], f);
            for (std::size_t d = 0; d < p_.width; ++d) {
                dx[d].add(stored(dpair[d]));  // a rank's partial sum
            }
        }
        auto const drouted = router_backward(n, dgate);
        for (std::size_t d = 0; d < p_.width; ++d) {
            auto const i = n * p_.width + d;
            answer_.y[i] = stored(y[d].total());
            answer_.dx[i] = stored(stored(dx[d].total()) + drouted[d]);
        }
        if (!p_.shared_gate.empty()) {
            shared(n);
        }
        for (auto i = n * p_.width; i < (n + 1) * p_.width; ++i) {
            answer_.loss += answer_.y[i].value * p_.dy[i];
        }
    }

    // y += sigmoid(g . x) FFN(x), and its gradients.
    void shared(std::size_t n) {
        auto const f = forward(n, p_.shared_gate_up, p_.shared_down);
        BoundedSum score;
        BoundedSum dot;
        for (std::size_t d = 0; d < p_.width; ++d) {
            score.add(Bounded(p_.x[n * p_.width + d]) * p_.shared_gate[d]);
            dot.add(f.out[d] * p_.dy[n * p_.width + d]);
        }
        auto const gate = Bounded(1.0) / (Bounded(1.0) + exp(Bounded(0.0) - score.total()));
        auto const dscore = gate * (Bounded(1.0) - gate) * dot.total();
        auto const part = backward(
            n, {p_.shared_gate_up, p_.shared_down, dshared_gate_up_, dshared_down_}, gate, f
        );
        for (std::size_t d = 0; d < p_.width; ++d) {
            auto const i = n * p_.width + d;
            answer_.y[i] = stored(answer_.y[i] + gate * f.out[d]);
            answer_.dx[i] = stored(answer_.dx[i] + part[d] + dscore * p_.shared_gate[d]);
            dshared_gate_[d].add(dscore * p_.x[i]);
        }
    }

    // Renormalisation, then softmax: dprobs_k = (dgate_k - sum_j gate_j dgate_j) / sum of chosen,
    // or without it dprobs_k = dgate_k; plus the balance loss; dlogit_e = probs_e (dprobs_e - sum_j
    // probs_j dprobs_j).
    Bounds router_backward(std::size_t n, Bounds const& dgate) {
        auto const& t = tokens_[n];
        BoundedSum mean;
        BoundedSum kept;
        for (std::size_t k = 0; k < p_.choices; ++k) {
            mean.add(t.gate[k] * dgate[k]);
            kept.add(t.probs[t.expert[k]]);
        }
        Bounds dprobs(p_.experts);
        for (std::size_t e = 0; e < p_.experts; ++e) {
            dprobs[e] = Bounded(slope_[e], Bounded::kUnit * slope_[e]);
        }
        for (std::size_t k = 0; k < p_.choices; ++k) {
            auto& dprob = dprobs[t.expert[k]];
            dprob = dprob + (p_.gates_are_probabilities ? dgate[k]
                                                        : (dgate[k] - mean.total()) / kept.total());
        }
        BoundedSum average;
        for (std::size_t e = 0; e < p_.experts; ++e) {
            average.add(t.probs[e] * dprobs[e]);
        }
        Sums dx(p_.width);
        for (std::size_t e = 0; e < p_.experts; ++e) {
            auto const dlogit = t.probs[e] * (dprobs[e] - average.total());
            for (std::size_t d = 0; d < p_.width; ++d) {
                drouter_[e * p_.width + d].add(dlogit * p_.x[n * p_.width + d]);
                dx[d].add(dlogit * p_.router[e * p_.width + d]);
            }
        }
        Bounds total;
        for (auto const& sum : dx) {
            total.push_back(sum.total());
        }
        return total;
    }

    static Bounds totals(Sums const& sums) {
        Bounds list;
        for (auto const& sum : sums) {
            list.push_back(sum.total());
        }
        return list;
    }

    void finish() {
        answer_.drouter = totals(drouter_);
        answer_.dshared_gate_up = totals(dshared_gate_up_);
        answer_.dshared_down = totals(dshared_down_);
        answer_.dshared_gate = totals(dshared_gate_);
        for (std::size_t e = 0; e < p_.experts; ++e) {
            answer_.dgate_up.push_back(totals(dgate_up_[e]));
            answer_.ddown.push_back(totals(ddown_[e]));
        }
    }

    MoeProblem const& p_;
    MoeAnswer answer_;
    std::vector<Token> tokens_;
    std::vector<double> slope_;
    Sums drouter_;
    std::vector<Sums> dgate_up_;
    std::vector<Sums> ddown_;
    Sums dshared_gate_up_;
    Sums dshared_down_;
    Sums dshared_gate_;
};

}  // namespace isogloss

// moe/classifier_ops_cpu.cpp
#include <algorithm>
#include <cmath>

#include "moe/classifier_ops.h"

namespace isogloss::cpu {
namespace {

struct Runs {
    std::int64_t tokens = 0;  // of each run
    View<std::int32_t const, 1> lengths;

    // One past the last counted token of run s.
    [[nodiscard]] std::int64_t end(std::int64_t s) const {
        return s * tokens + (lengths.data == nullptr ? tokens : lengths.data[s]);
    }
};

Runs runs_of(std::int64_t tokens, std::int64_t runs, View<std::int32_t const, 1> lengths) {
    return {runs == 0 ? 0 : tokens / runs, lengths};
}

// -log softmax(c)[label] of two logits.
double two_class_loss(float const* logit, std::int32_t label) {
    double const other = static_cast<double>(logit[1 - label]) - static_cast<double>(logit[label]);
    return std::max(other, 0.0) + std::log1p(std::exp(-std::abs(other)));
}

// probs = softmax of two logits.
void two_class_softmax(float const* logit, float* prob) {
    float const largest = std::max(logit[0], logit[1]);
    float const zero = std::exp(logit[0] - largest);
    float const one = std::exp(logit[1] - largest);
    prob[0] = zero / (zero + one);
    prob[1] = one / (zero + one);
}

}  // namespace

template <class T>
void sum_runs(View<T const, 2> x, View<std::int32_t const, 1> lengths, View<float, 2> sums) {
    auto const [count, width] = sums.shape;
    auto const runs = runs_of(x.shape[0], count, lengths);
    std::fill_n(sums.data, sums.size(), 0.0F);
    for (std::int64_t s = 0; s < count; ++s) {
        float* const sum = sums.data + s * width;
        for (auto n = s * runs.tokens; n < runs.end(s); ++n) {
            for (std::int64_t d = 0; d < width; ++d) {
                sum[d] += to_float(x.data[n * width + d]);
            }
        }
    }
}

void spread_over_runs(
    View<float const, 2> sums, View<std::int32_t const, 1> lengths, View<float, 2> x
) {
    auto const [count, width] = sums.shape;
    auto const runs = runs_of(x.shape[0], count, lengths);
    for (std::int64_t s = 0; s < count; ++s) {
        for (auto n = s * runs.tokens; n < runs.end(s); ++n) {
            for (std::int64_t d = 0; d < width; ++d) {
                x.data[n * width + d] += sums.data[s * width + d];
            }
        }
    }
}

void label_runs(View<std::int32_t const, 1> is_old, View<std::int32_t, 1> label) {
    auto const runs = runs_of(is_old.shape[0], label.shape[0], {});
    for (std::int64_t s = 0; s < label.shape[0]; ++s) {
        auto const run = is_old.rows(s * runs.tokens, (s + 1) * runs.tokens).span();
        auto const first = std::ranges::find_if(run, [](auto old) { return old >= 0; });
        label.data[s] = first == run.end() ? -1 : *first == 1 ? 0 : 1;
    }
}

Verdict decide(
    View<float const, 2> logits,
    View<std::int32_t const, 1> label,
    std::int32_t class_one,
    View<float, 2> probs,
    View<std::int32_t, 1> among
) {
    Verdict verdict;
    auto const runs = runs_of(among.shape[0], logits.shape[0], {});
    for (std::int64_t s = 0; s < logits.shape[0]; ++s) {
        float const* const logit = logits.data + 2 * s;
        two_class_softmax(logit, probs.data + 2 * s);
        std::int32_t const decided = logit[1] > logit[0] ? 1 : 0;
        std::fill_n(among.data + s * runs.tokens, runs.tokens, decided == 1 ? class_one : 0);
        verdict.routed += decided == 1 ? runs.tokens : 0;
        if (label.data != nullptr && label.data[s] >= 0) {
            ++verdict.decisions;
            verdict.correct += decided == label.data[s] ? 1 : 0;
            verdict.old_class += decided == 0 ? 1 : 0;
            verdict.loss += two_class_loss(logit, label.data[s]);
        }
    }
    return verdict;
}

void decision_gradient(
    View<float const, 2> probs,
    View<std::int32_t const, 1> label,
    float weight,
    View<float, 2> dlogits
) {
    for (std::int64_t s = 0; s < probs.shape[0]; ++s) {
        for (std::int32_t c = 0; c < 2; ++c) {
            float const aim = c == label.data[s] ? 1.0F : 0.0F;
            dlogits.data[2 * s + c] =
                label.data[s] < 0 ? 0.0F : weight * (probs.data[2 * s + c] - aim);
        }
    }
}

template decltype(sum_runs<float>) sum_runs<float>;
template decltype(sum_runs<bf16>) sum_runs<bf16>;

}  // namespace isogloss::cpu

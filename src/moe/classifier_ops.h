// moe/classifier_ops.h - sums over runs of tokens, and decisions about them: once a device.
#pragma once

#include <cstdint>

#include "device/view.h"

namespace isogloss {

// N tokens in S runs of N / S consecutive tokens each; a run is a row, or a single token. D width.
// lengths [S]: how many of a run's tokens count, from its first; null data: all.

/// sums[s] = sum of the counted x of run s, tokens ascending, in float.    x [N, D], sums [S, D]
/// out
template <class T>
void sum_runs(
    View<T const, 2> x, View<std::int32_t const, 1> lengths, View<float, 2> sums, Stream stream
);

/// x[n] += sums[s] for each counted token n of run s: the gradient of sum_runs.
void spread_over_runs(
    View<float const, 2> sums, View<std::int32_t const, 1> lengths, View<float, 2> x, Stream stream
);

/// label[s] = 0 where the first token of run s with is_old >= 0 is old, 1 where it is not, -1 where
/// no token has a label.                                              is_old [N], label [S] out
void label_runs(View<std::int32_t const, 1> is_old, View<std::int32_t, 1> label, Stream stream);

/// Sums over the runs of this rank.
struct Verdict {
    std::int64_t routed = 0;     ///< tokens of class 1, counted or not
    std::int64_t decisions = 0;  ///< labelled runs
    std::int64_t correct = 0;    ///< of those, decided as labelled
    std::int64_t old_class = 0;  ///< of those, decided for class 0
    double loss = 0.0;           ///< of those, -log probs[s, label]
};

/// probs = softmax(logits); the decision is the larger logit, class 0 where they are equal.
///
/// @param logits     [S, 2] float
/// @param label      [S] 0, 1, or -1; null data: all -1
/// @param class_one  experts that class 1 chooses among
/// @param probs      [S, 2] out
/// @param among      [N] out: 0 for tokens of class 0, `class_one` for class 1
Verdict decide(
    View<float const, 2> logits,
    View<std::int32_t const, 1> label,
    std::int32_t class_one,
    View<float, 2> probs,
    View<std::int32_t, 1> among,
    Stream stream
);

/// dlogits[s, c] = weight (probs[s, c] - [c = label[s]]), 0 for runs without a label.
void decision_gradient(
    View<float const, 2> probs,
    View<std::int32_t const, 1> label,
    float weight,
    View<float, 2> dlogits,
    Stream stream
);

// One definition a device. Call the functions above.
namespace cpu {
template <class T>
void sum_runs(View<T const, 2> x, View<std::int32_t const, 1> lengths, View<float, 2> sums);
void spread_over_runs(
    View<float const, 2> sums, View<std::int32_t const, 1> lengths, View<float, 2> x
);
void label_runs(View<std::int32_t const, 1> is_old, View<std::int32_t, 1> label);
Verdict decide(
    View<float const, 2> logits,
    View<std::int32_t const, 1> label,
    std::int32_t class_one,
    View<float, 2> probs,
    View<std::int32_t, 1> among
);
void decision_gradient(
    View<float const, 2> probs,
    View<std::int32_t const, 1> label,
    float weight,
    View<float, 2> dlogits
);
}  // namespace cpu

namespace cuda {
template <class T>
void sum_runs(
    View<T const, 2> x, View<std::int32_t const, 1> lengths, View<float, 2> sums, Stream stream
);
void spread_over_runs(
    View<float const, 2> sums, View<std::int32_t const, 1> lengths, View<float, 2> x, Stream stream
);
void label_runs(View<std::int32_t const, 1> is_old, View<std::int32_t, 1> label, Stream stream);
Verdict decide(
    View<float const, 2> logits,
    View<std::int32_t const, 1> label,
    std::int32_t class_one,
    View<float, 2> probs,
    View<std::int32_t, 1> among,
    Stream stream
);
void decision_gradient(
    View<float const, 2> probs,
    View<std::int32_t const, 1> label,
    float weight,
    View<float, 2> dlogits,
    Stream stream
);
}  // namespace cuda

}  // namespace isogloss

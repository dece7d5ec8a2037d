// moe/classifier.h - tells tokens of old languages from others, before the router.
#pragma once

#include "device/arena.h"
#include "device/view.h"
#include "moe/classifier_ops.h"
#include "moe/routing.h"

namespace isogloss {

/// A layer's classifier.
struct Classifier {
    View<float const, 2> weight;  ///< [2, D]; null data: the layer has none
    View<float, 2> gradient;      ///< [2, D]; null data: frozen
    ClassifierSpan span = ClassifierSpan::sequence;

    [[nodiscard]] bool exists() const { return weight.data != nullptr; }
};

/// The decisions about N tokens in S runs (rows, or single tokens), kept for the backward pass.
struct ClassifierChoice {
    View<float, 2> sums;                  ///< [S, D] what was classified
    View<float, 2> probs;                 ///< [S, 2]; null data: nobody asked
    View<std::int32_t, 1> label;          ///< [S] 0 old, 1 new, -1 unknown; null data: all unknown
    View<std::int32_t, 1> among;          ///< [N] for top_k_softmax
    View<std::int32_t const, 1> lengths;  ///< [S] counted tokens of each run; null data: all
    Verdict verdict;
};

/// logits = sum of the run's x times weight^T, in float; the larger decides. Padding is in no sum.
/// From `arena`.                                                                        x [N, D]
template <class T>
ClassifierChoice classify(
    View<T const, 2> x,
    Classifier const& classifier,
    std::int32_t class_one,
    Routing const& routing,
    Arena& arena,
    Stream stream
);

/// Gradient of the classifier's loss, -log softmax(logits)[label] times share and coefficient: adds
/// to that of the weights, unless they are frozen, and to dx, which is not detached.
/// @param dx  [N, D]; null data: nobody needs it
void classify_backward(
    Classifier const& classifier,
    ClassifierChoice const& choice,
    LossTerm const& term,
    View<float, 2> dx,
    Arena& arena,
    Stream stream
);

}  // namespace isogloss

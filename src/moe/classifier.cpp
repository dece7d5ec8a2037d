// moe/classifier.cpp
#include "moe/classifier.h"

#include "base/require.h"
#include "kernels/matmul.h"

namespace isogloss {

template <class T>
ClassifierChoice classify(
    View<T const, 2> x,
    Classifier const& classifier,
    std::int32_t class_one,
    Routing const& routing,
    Arena& arena,
    Stream stream
) {
    auto const [tokens, width] = x.shape;
    bool const by_row = classifier.span == ClassifierSpan::sequence;
    auto const run = by_row ? routing.row_length : 1;
    require(
        tokens == 0 || (run > 0 && tokens % run == 0),
        "classifier: {} tokens in rows of {}; a decision about a row needs whole rows", tokens, run
    );
    auto const runs = tokens == 0 ? 0 : tokens / run;
    ClassifierChoice choice;
    bool const is_told = by_row && routing.class_sums_use != ClassSums::of_tokens;
    require(
        !is_told || (routing.class_sums.shape[0] == runs && routing.class_sums.shape[1] == width),
        "classifier: sums of [{}, {}] for {} rows of width {}", routing.class_sums.shape[0],
        routing.class_sums.shape[1], runs, width
    );
    choice.sums = is_told ? routing.class_sums : arena.take<float, 2>({runs, width});
    choice.probs = arena.take<float, 2>({runs, 2});
    choice.among = arena.take<std::int32_t, 1>({tokens});
    choice.lengths = by_row ? routing.row_tokens : View<std::int32_t const, 1>{};
    if (!is_told || routing.class_sums_use == ClassSums::keep) {
        sum_runs<T>(x, choice.lengths, choice.sums, stream);
    }
    if (routing.losses.is_old.data != nullptr) {
        choice.label = arena.take<std::int32_t, 1>({runs});
        label_runs(routing.losses.is_old, choice.label, stream);
    }
    ArenaScope const scope(arena);
    auto const logits = arena.take<float, 2>({runs, 2});
    matmul_nt<float, float>(choice.sums, classifier.weight, logits, Write::replace, stream);
    choice.verdict = decide(logits, choice.label, class_one, choice.probs, choice.among, stream);
    return choice;
}

void classify_backward(
    Classifier const& classifier,
    ClassifierChoice const& choice,
    LossTerm const& term,
    View<float, 2> dx,
    Arena& arena,
    Stream stream
) {
    if (choice.label.data == nullptr) {
        return;  // no decision of this rank is labelled
    }
    ArenaScope const scope(arena);
    auto const dlogits = arena.take<float, 2>(choice.probs.shape);
    auto const weight = static_cast<float>(term.share * term.coefficient);
    decision_gradient(choice.probs, choice.label, weight, dlogits, stream);
    if (classifier.gradient.data != nullptr) {
        matmul_tn<float, float>(dlogits, choice.sums, classifier.gradient, Write::add, stream);
    }
    if (dx.data != nullptr) {
        auto const dsums = arena.take<float, 2>(choice.sums.shape);
        matmul_nn<float, float>(dlogits, classifier.weight, dsums, Write::replace, stream);
        spread_over_runs(dsums, choice.lengths, dx, stream);
    }
}

template decltype(classify<float>) classify<float>;
template decltype(classify<bf16>) classify<bf16>;

}  // namespace isogloss

// moe/experts.cpp
#include "moe/experts.h"

#include "base/math.h"
#include "base/require.h"
#include "kernels/elementwise.h"
#include "kernels/gelu.h"
#include "kernels/grouped_matmul.h"
#include "kernels/swiglu.h"
#include "moe/expert_products.h"

namespace isogloss {
namespace {

template <class T>
void activate(FeedForwardKind kind, View<T const, 2> gate_up, View<T, 2> hidden, Stream stream) {
    switch (kind) {
        case FeedForwardKind::swiglu: return swiglu<T>(gate_up, hidden, stream);
        case FeedForwardKind::geglu: return geglu<T>(gate_up, hidden, stream);
        case FeedForwardKind::gelu: return gelu<T>(gate_up, hidden, stream);
    }
}

// The selected pairs, expert by expert.
template <class T>
std::vector<ExpertPairs> parts_of(ExpertGroup<T> const& group, PairSelection const& selection) {
    if (!selection.is_all) {
        return selection.parts;
    }
    std::vector<ExpertPairs> parts;
    for (std::size_t l = 0; l < group.weights.size(); ++l) {
        parts.push_back({l, {group.begin[l], group.begin[l + 1]}});
    }
    return parts;
}

// Adds each expert's bias, one of the two of its weights, to its selected pairs.
template <class T>
void add_biases(
    ExpertGroup<T> const& group,
    View<T const, 1> ExpertWeights<T>::*bias,
    PairSelection const& selection,
    View<T, 2> y,
    Stream stream
) {
    for (auto const& [expert, pairs] : parts_of(group, selection)) {
        auto const& its = group.weights[expert];
        if (its.has_bias()) {
            add_bias<T>(y.rows(pairs.begin, pairs.end), its.*bias, stream);
        }
    }
}

}  // namespace

template <class T>
Range ExpertGroup<T>::trainable_experts() const {
    Range range;
    for (std::size_t l = 0; l < weights.size(); ++l) {
        if (weights[l].is_trainable()) {
            range.begin = range.end == 0 ? static_cast<std::int64_t>(l) : range.begin;
            range.end = static_cast<std::int64_t>(l) + 1;
        }
    }
    return range;
}

template <class T>
Range ExpertGroup<T>::trainable_pairs() const {
    auto const experts = trainable_experts();
    return {begin[index(experts.begin)], begin[index(experts.end)]};
}

template <class T>
void experts_forward(
    View<T const, 2> x,
    ExpertGroup<T> const& group,
    ExpertActivations<T> const& activations,
    View<T, 2> y,
    Stream stream
) {
    require(
        group.begin.size() == group.weights.size() + 1 && group.begin.back() == x.shape[0],
        "experts: {} pairs for {} experts whose ranges end at {}", x.shape[0], group.weights.size(),
        group.begin.back()
    );
    experts_gate_up<T>(x, group, {}, activations.gate_up, stream);
    experts_activate<T>(group, activations, stream);
    experts_down<T>(activations.hidden, group, {}, y, stream);
}

template <class T>
void experts_gate_up(
    View<T const, 2> x,
    ExpertGroup<T> const& group,
    PairSelection const& selection,
    View<T, 2> gate_up,
    Stream stream
) {
    over_selection<T>(
        x, group, &ExpertWeights<T>::gate_up, selection, gate_up, grouped_matmul_nt<T>, stream
    );
}

template <class T>
void experts_activate(
    ExpertGroup<T> const& group, ExpertActivations<T> const& activations, Stream stream
) {
    add_biases(group, &ExpertWeights<T>::gate_up_bias, {}, activations.gate_up, stream);
    activate<T>(group.kind, activations.gate_up, activations.hidden, stream);
}

template <class T>
void experts_down(
    View<T const, 2> hidden,
    ExpertGroup<T> const& group,
    PairSelection const& selection,
    View<T, 2> y,
    Stream stream
) {
    over_selection<T>(
        hidden, group, &ExpertWeights<T>::down, selection, y, grouped_matmul_nt<T>, stream
    );
    add_biases(group, &ExpertWeights<T>::down_bias, selection, y, stream);
}

#define ISOGLOSS_INSTANTIATE(T)                                                                  \
    template struct ExpertGroup<T>;                                                              \
    template void experts_forward(                                                               \
        View<T const, 2>, ExpertGroup<T> const&, ExpertActivations<T> const&, View<T, 2>, Stream \
    );                                                                                           \
    template void experts_gate_up(                                                               \
        View<T const, 2>, ExpertGroup<T> const&, PairSelection const&, View<T, 2>, Stream        \
    );                                                                                           \
    template void experts_activate(ExpertGroup<T> const&, ExpertActivations<T> const&, Stream);  \
    template void experts_down(                                                                  \
        View<T const, 2>, ExpertGroup<T> const&, PairSelection const&, View<T, 2>, Stream        \
    )
ISOGLOSS_INSTANTIATE(float);
ISOGLOSS_INSTANTIATE(bf16);
#undef ISOGLOSS_INSTANTIATE

}  // namespace isogloss

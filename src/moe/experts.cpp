// moe/experts.cpp
#include "moe/experts.h"

#include <array>

#include "base/math.h"
#include "base/require.h"
#include "kernels/elementwise.h"
#include "kernels/gelu.h"
#include "kernels/grouped_matmul.h"
#include "kernels/swiglu.h"

namespace isogloss {
namespace {

// One of the two matrices of each expert.
template <class T>
using Matrix = View<T const, 2> ExpertWeights<T>::*;

template <class T>
std::vector<View<T const, 2>> matrices(ExpertGroup<T> const& group, Matrix<T> matrix) {
    std::vector<View<T const, 2>> list;
    for (auto const& weights : group.weights) {
        list.push_back(weights.*matrix);
    }
    return list;
}

// multiply(x, begin, weights, y) for the selected pairs: once where it is all of them.
template <class T, class Multiply>
void over_selection(
    View<T const, 2> x,
    ExpertGroup<T> const& group,
    Matrix<T> matrix,
    PairSelection const& selection,
    View<T, 2> y,
    Multiply const& multiply
) {
    if (selection.is_all) {
        return multiply(x, group.begin, matrices(group, matrix), y);
    }
    for (auto const& [expert, pairs] : selection.parts) {
        std::array<std::int64_t, 2> const begin{0, pairs.size()};
        std::array const weight{group.weights[expert].*matrix};
        multiply(x.rows(pairs.begin, pairs.end), begin, weight, y.rows(pairs.begin, pairs.end));
    }
}

template <class T>
void activate(FeedForwardKind kind, View<T const, 2> gate_up, View<T, 2> hidden, Stream stream) {
    switch (kind) {
        case FeedForwardKind::swiglu: return swiglu<T>(gate_up, hidden, stream);
        case FeedForwardKind::geglu: return geglu<T>(gate_up, hidden, stream);
        case FeedForwardKind::gelu: return gelu<T>(gate_up, hidden, stream);
    }
}

template <class T>
void activate_backward(
    FeedForwardKind kind,
    View<T const, 2> gate_up,
    View<T const, 2> dhidden,
    View<T, 2> dgate_up,
    Stream stream
) {
    switch (kind) {
        case FeedForwardKind::swiglu: return swiglu_backward<T>(gate_up, dhidden, dgate_up, stream);
        case FeedForwardKind::geglu: return geglu_backward<T>(gate_up, dhidden, dgate_up, stream);
        case FeedForwardKind::gelu: return gelu_backward<T>(gate_up, dhidden, dgate_up, stream);
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

// The gradients of those biases: sums over the pairs of each trainable expert.
template <class T>
void add_bias_gradients(
    ExpertGroup<T> const& group,
    View<float, 1> ExpertWeights<T>::*gradient,
    View<T const, 2> dy,
    Stream stream
) {
    for (std::size_t l = 0; l < group.weights.size(); ++l) {
        auto const& its = group.weights[l];
        if (its.has_bias() && its.is_trainable()) {
            sum_columns<T>(dy.rows(group.begin[l], group.begin[l + 1]), its.*gradient, stream);
        }
    }
}

// The weight products of the trainable experts, on the pairs [pairs.begin, pairs.end) alone.
template <class T>
class WeightProducts {
public:
    explicit WeightProducts(ExpertGroup<T> const& group) : pairs_(group.trainable_pairs()) {
        auto const experts = group.trainable_experts();
        for (auto l = experts.begin; l < experts.end; ++l) {
            begin_.push_back(group.begin[index(l)] - pairs_.begin);
            gate_up_.push_back(group.weights[index(l)].gate_up_gradient);
            down_.push_back(group.weights[index(l)].down_gradient);
        }
        begin_.push_back(pairs_.size());
    }

    /// dy and hidden of all pairs.
    void add_down(View<T const, 2> dy, View<T const, 2> hidden, Stream stream) const {
        if (pairs_.size() > 0) {
            grouped_matmul_tn<T>(part(dy), part(hidden), begin_, down_, stream);
        }
    }
    /// dgate_up of all pairs, x of the trainable ones.
    void add_gate_up(View<T const, 2> dgate_up, View<T const, 2> x, Stream stream) const {
        if (pairs_.size() > 0) {
            grouped_matmul_tn<T>(part(dgate_up), x, begin_, gate_up_, stream);
        }
    }

private:
    [[nodiscard]] View<T const, 2> part(View<T const, 2> all) const {
        return all.rows(pairs_.begin, pairs_.end);
    }

    Range pairs_;
    std::vector<std::int64_t> begin_;
    std::vector<GradientSum> gate_up_;
    std::vector<GradientSum> down_;
};

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
        x, group, &ExpertWeights<T>::gate_up, selection, gate_up,
        [&](auto in, auto begin, auto const& weights, auto out) {
            grouped_matmul_nt<T>(in, begin, weights, out, stream);
        }
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
        hidden, group, &ExpertWeights<T>::down, selection, y,
        [&](auto in, auto begin, auto const& weights, auto out) {
            grouped_matmul_nt<T>(in, begin, weights, out, stream);
        }
    );
    add_biases(group, &ExpertWeights<T>::down_bias, selection, y, stream);
}

template <class T>
void experts_hidden_gradient(
    View<T const, 2> dy,
    ExpertGroup<T> const& group,
    PairSelection const& selection,
    View<T, 2> dhidden,
    Stream stream
) {
    over_selection<T>(
        dy, group, &ExpertWeights<T>::down, selection, dhidden,
        [&](auto in, auto begin, auto const& weights, auto out) {
            grouped_matmul_nn<T>(in, begin, weights, out, stream);
        }
    );
}

template <class T>
View<T, 2> experts_backward(
    View<T const, 2> dy,
    View<T const, 2> dhidden,
    ExpertGroup<T> const& group,
    ExpertActivations<T> const& activations,
    View<T, 2> dx,
    Arena& arena,
    Stream stream
) {
    auto const dgate_up = arena.take<T, 2>(activations.gate_up.shape);
    WeightProducts<T>(group).add_down(dy, activations.hidden, stream);
    add_bias_gradients(group, &ExpertWeights<T>::down_bias_gradient, dy, stream);
    activate_backward<T>(group.kind, activations.gate_up, dhidden, dgate_up, stream);
    if (dx.data != nullptr) {
        auto const weights = matrices(group, &ExpertWeights<T>::gate_up);
        grouped_matmul_nn<T>(dgate_up, group.begin, weights, dx, stream);
    }
    return dgate_up;
}

template <class T>
void experts_weights_backward(
    View<T const, 2> dgate_up,
    View<T const, 2> trainable_x,
    ExpertGroup<T> const& group,
    Stream stream
) {
    require(
        trainable_x.shape[0] == group.trainable_pairs().size(),
        "experts: inputs of {} pairs, and {} belong to trainable experts", trainable_x.shape[0],
        group.trainable_pairs().size()
    );
    WeightProducts<T>(group).add_gate_up(dgate_up, trainable_x, stream);
    add_bias_gradients<T>(group, &ExpertWeights<T>::gate_up_bias_gradient, dgate_up, stream);
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
    );                                                                                           \
    template void experts_hidden_gradient(                                                       \
        View<T const, 2>, ExpertGroup<T> const&, PairSelection const&, View<T, 2>, Stream        \
    );                                                                                           \
    template View<T, 2> experts_backward(                                                        \
        View<T const, 2>, View<T const, 2>, ExpertGroup<T> const&, ExpertActivations<T> const&,  \
        View<T, 2>, Arena&, Stream                                                               \
    );                                                                                           \
    template void experts_weights_backward(                                                      \
        View<T const, 2>, View<T const, 2>, ExpertGroup<T> const&, Stream                        \
    )
ISOGLOSS_INSTANTIATE(float);
ISOGLOSS_INSTANTIATE(bf16);
#undef ISOGLOSS_INSTANTIATE

}  // namespace isogloss

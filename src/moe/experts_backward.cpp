// moe/experts_backward.cpp
#include "base/math.h"
#include "base/require.h"
#include "kernels/elementwise.h"
#include "kernels/gelu.h"
#include "kernels/grouped_matmul.h"
#include "kernels/swiglu.h"
#include "moe/expert_products.h"
#include "moe/experts.h"

namespace isogloss {
namespace {

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

// The gradients of the biases: sums over the pairs of each trainable expert.
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
void experts_hidden_gradient(
    View<T const, 2> dy,
    ExpertGroup<T> const& group,
    PairSelection const& selection,
    View<T, 2> dhidden,
    Stream stream
) {
    over_selection<T>(
        dy, group, &ExpertWeights<T>::down, selection, dhidden, grouped_matmul_nn<T>, stream
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
        auto const weights = expert_matrices(group, &ExpertWeights<T>::gate_up);
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

#define ISOGLOSS_INSTANTIATE(T)                                                                 \
    template void experts_hidden_gradient(                                                      \
        View<T const, 2>, ExpertGroup<T> const&, PairSelection const&, View<T, 2>, Stream       \
    );                                                                                          \
    template View<T, 2> experts_backward(                                                       \
        View<T const, 2>, View<T const, 2>, ExpertGroup<T> const&, ExpertActivations<T> const&, \
        View<T, 2>, Arena&, Stream                                                              \
    );                                                                                          \
    template void experts_weights_backward(                                                     \
        View<T const, 2>, View<T const, 2>, ExpertGroup<T> const&, Stream                       \
    )
ISOGLOSS_INSTANTIATE(float);
ISOGLOSS_INSTANTIATE(bf16);
#undef ISOGLOSS_INSTANTIATE

}  // namespace isogloss

// moe/layer.cpp
#include "moe/layer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/require.h"
#include "device/copy.h"
#include "kernels/elementwise.h"
#include "moe/layer_checks.h"
#include "moe/routing_ops.h"

namespace isogloss {

template <class T>
MoeLayer<T>::MoeLayer(
    MoeShape const& shape,
    LayerPlacement const& placement,
    MpiComm const& group,
    MoeWeights<T> weights,
    Overlap overlap
)
    : shape_(shape),
      num_experts_(placement.num_experts()),
      group_(&group),
      weights_(std::move(weights)),
      seats_(seats_for(placement, group.rank(), group.size())),
      routed_(shape, placement.num_experts(), group, overlap) {
    check_weights(shape_, placement, group, weights_);
}

template <class T>
void MoeLayer<T>::forward(
    View<T const, 2> x,
    View<T, 2> y,
    Routing const& routing,
    Arena& arena,
    MoeActivations<T>& saved,
    RoutingStats& stats,
    Stream stream
) {
    require(
        x.shape == y.shape && x.shape[1] == shape_.width,
        "MoE layer: x is [{}, {}], y [{}, {}], width {}", x.shape[0], x.shape[1], y.shape[0],
        y.shape[1], shape_.width
    );
    saved = {};
    saved.x = x;
    saved.routing = routing;
    stats = {};
    if (!has_router()) {
        stats.tokens = x.shape[0];
        return single_forward(x, y, arena, saved, stream);
    }
    choose(x, arena, saved, stats, stream);
    auto const& [probs, gate, expert, among, losses, gates] = saved.choice;
    View<float const, 2> const unasked{nullptr, probs.shape, probs.device};
    auto const counts = count_routing(
        {expert, stats.tokens > 0 ? View<float const, 2>(probs) : unasked, among}, seats_,
        group_->size(), stream
    );
    stats.probability = counts.probability;
    stats.probability.resize(static_cast<std::size_t>(num_experts_), 0.0);
    saved.plan = plan_dispatch({expert, gate}, counts, seats_, *group_, arena, stream);
    stats.expert_tokens = saved.plan.expert_tokens;
    stats.router_choices.assign(static_cast<std::size_t>(num_experts_), 0);
    if (routing.mode == RoutingMode::top_k) {
        stats.router_choices = stats.expert_tokens;
        stats.router_choices.front() -= x.shape[0] - stats.tokens;  // past the router, to expert 0
    }
    routed_.forward(
        x, y, saved.plan, group_of(saved.plan.expert_begin), arena, saved.routed, stream
    );
    if (weights_.shared.exists()) {
        shared_expert_forward<T>(x, weights_.shared, y, arena, saved.shared, stream);
    }
}

template <class T>
void MoeLayer<T>::choose(
    View<T const, 2> x, Arena& arena, MoeActivations<T>& saved, RoutingStats& stats, Stream stream
) {
    auto const& routing = saved.routing;
    bool const is_hard = routing.mode == RoutingMode::hard;
    require(
        !is_hard || routing.expert.shape[0] == x.shape[0],
        "MoE layer: hard routing of {} tokens, {} given experts", x.shape[0],
        routing.expert.shape[0]
    );
    RouterTask task{
        routing, is_hard ? 1 : std::min(shape_.top_k, num_experts_), {}, 0, shape_.gates};
    task.routed = is_hard ? 0 : x.shape[0];
    if (!is_hard && routing.classify && weights_.classifier.exists()) {
        auto const class_one = routing.class_one_experts;
        saved.classes = classify<T>(
            x, weights_.classifier, class_one == 0 ? num_experts_ : class_one, routing, arena,
            stream
        );
        auto const& verdict = saved.classes.verdict;
        task.among = saved.classes.among;
        task.routed = verdict.routed;
        stats.classifier = {verdict.decisions, verdict.correct, verdict.old_class};
    }
    saved.choice = route<T>({x, weights_.router}, task, arena, stream);
    stats.tokens = task.routed;
    stats.losses = saved.choice.losses;
    stats.losses.classifier = routing.losses.classifier.share * saved.classes.verdict.loss;
}

template <class T>
void MoeLayer<T>::forward(
    View<T const, 2> x,
    View<T, 2> y,
    Routing const& routing,
    Arena& arena,
    RoutingStats& stats,
    Stream stream
) {
    ArenaScope const scope(arena);
    MoeActivations<T> unused;
    forward(x, y, routing, arena, unused, stats, stream);
}

template <class T>
void MoeLayer<T>::single_forward(
    View<T const, 2> x, View<T, 2> y, Arena& arena, MoeActivations<T>& saved, Stream stream
) {
    auto const tokens = x.shape[0];
    std::array<std::int64_t, 2> const begin{0, tokens};
    auto const group = group_of(begin);
    saved.single.gate_up = arena.take<T, 2>({tokens, shape_.first()});
    if (group.trainable_experts().size() > 0) {
        saved.single.hidden = arena.take<T, 2>({tokens, shape_.hidden});
    }
    ArenaScope const scope(arena);
    auto activations = saved.single;
    if (activations.hidden.data == nullptr) {
        activations.hidden = arena.take<T, 2>({tokens, shape_.hidden});
    }
    experts_forward<T>(x, group, activations, y, stream);
}

template <class T>
void MoeLayer<T>::backward(
    View<T const, 2> dy,
    std::optional<View<T, 2>> dx,
    MoeActivations<T> const& saved,
    std::span<float const> probs_slope,
    Arena& arena,
    Stream stream
) {
    require(
        dy.shape == saved.x.shape && (!dx || dx->shape == saved.x.shape),
        "MoE layer: forward had {} tokens, backward has dy of {} and another dx", saved.x.shape[0],
        dy.shape[0]
    );
    require(
        probs_slope.empty() || probs_slope.size() == static_cast<std::size_t>(num_experts_),
        "MoE layer: a slope of {} experts for {}", probs_slope.size(), num_experts_
    );
    ArenaScope const scope(arena);
    if (!has_router()) {
        return single_backward(dy, dx, saved, arena, stream);
    }
    routed_backward(dy, dx, saved, probs_slope, arena, stream);
    if (weights_.shared.exists()) {
        shared_expert_backward<T>(dy, dx, weights_.shared, saved.shared, arena, stream);
    }
}

template <class T>
void MoeLayer<T>::routed_backward(
    View<T const, 2> dy,
    std::optional<View<T, 2>> dx,
    MoeActivations<T> const& saved,
    std::span<float const> probs_slope,
    Arena& arena,
    Stream stream
) {
    auto const& plan = saved.plan;
    auto const group = group_of(plan.expert_begin);
    bool const goes_on = dx || group.trainable_experts().size() > 0;
    auto const dpairs = routed_.receive_gradients(dy, plan, group, goes_on, arena, stream);
    std::optional<View<float const, 2>> coming;
    if (wants_gates(saved.routing, dx.has_value())) {
        coming = routed_.begin_gates(dpairs, plan, saved.routed, arena, stream);
    }
    RouterGradients gradients;
    gradients.losses = saved.routing.losses;
    if (!probs_slope.empty()) {
        gradients.balance = copy_to(arena, probs_slope, stream);
    }
    if (goes_on) {
        routed_.backward(dpairs, dx, plan, group, saved.routed, arena, stream);
    }
    if (coming) {
        auto const at_home = arena.take<float, 2>(saved.choice.gate.shape);
        routed_.end_gates(*coming, plan, at_home, stream);
        gradients.gate = at_home;
    }
    scores_backward(gradients, dx, saved, arena, stream);
}

template <class T>
void MoeLayer<T>::scores_backward(
    RouterGradients const& gradients,
    std::optional<View<T, 2>> dx,
    MoeActivations<T> const& saved,
    Arena& arena,
    Stream stream
) {
    View<T, 2> const nowhere{nullptr, saved.x.shape, saved.x.device};
    RouterSums<T> const sums{dx.value_or(nowhere), weights_.router_gradient};
    route_backward<T>({saved.x, weights_.router}, saved.choice, gradients, sums, arena, stream);
    auto const& term = gradients.losses.classifier;
    if (!term.is_wanted() || saved.classes.probs.data == nullptr) {
        return;
    }
    ArenaScope const scope(arena);
    View<float, 2> sum{nullptr, saved.x.shape, saved.x.device};
    if (dx) {
        sum = arena.take<float, 2>(dx->shape);
        fill<float>(sum.flat(), 0.0F, stream);
    }
    classify_backward(weights_.classifier, saved.classes, term, sum, arena, stream);
    if (dx) {
        add<float, T>(sum.flat(), dx->flat(), stream);
    }
}

template <class T>
void MoeLayer<T>::single_backward(
    View<T const, 2> dy,
    std::optional<View<T, 2>> dx,
    MoeActivations<T> const& saved,
    Arena& arena,
    Stream stream
) {
    std::array<std::int64_t, 2> const begin{0, dy.shape[0]};
    auto const group = group_of(begin);
    auto const trained = group.trainable_pairs();
    View<T, 2> const nowhere{nullptr, dy.shape, dy.device};
    auto const dhidden = arena.take<T, 2>({dy.shape[0], shape_.hidden});
    experts_hidden_gradient<T>(dy, group, {}, dhidden, stream);
    auto const dgate_up =
        experts_backward<T>(dy, dhidden, group, saved.single, dx.value_or(nowhere), arena, stream);
    experts_weights_backward<T>(dgate_up, saved.x.rows(trained.begin, trained.end), group, stream);
}

template class MoeLayer<float>;
template class MoeLayer<bf16>;

}  // namespace isogloss

// moe/layer.cpp
#include "moe/layer.h"

#include <algorithm>
#include <array>
#include <ranges>
#include <utility>

#include "base/require.h"
#include "device/copy.h"
#include "kernels/elementwise.h"
#include "kernels/permute_rows.h"
#include "moe/layer_checks.h"
#include "moe/routing_ops.h"

namespace isogloss {
namespace {

// work(their rows, where they are among all pairs) for the selected pairs: once where it is all.
template <class Work>
void for_selected(
    View<std::int32_t const, 1> pair_row, PairSelection const& selection, Work const& work
) {
    if (selection.is_all) {
        return work(pair_row, Range{0, pair_row.size()});
    }
    for (auto const& [expert, at] : selection.parts) {
        work(pair_row.rows(at.begin, at.end), at);
    }
}

}  // namespace

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
      exchange_(group),
      overlap_(overlap) {
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
    routed_forward(x, y, arena, saved, stream);
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
void MoeLayer<T>::routed_forward(
    View<T const, 2> x, View<T, 2> y, Arena& arena, MoeActivations<T>& saved, Stream stream
) {
    auto const& plan = saved.plan;
    auto const group = group_of(plan.expert_begin);
    auto const pairs = plan.num_pairs();
    saved.experts.gate_up = arena.take<T, 2>({pairs, shape_.first()});
    saved.computed = arena.take<T, 2>({pairs, shape_.width});
    // Inputs serve the products of weights alone, so where all experts are frozen none are kept.
    bool const keeps_inputs = group.trainable_experts().size() > 0;
    if (keeps_inputs) {
        saved.experts.hidden = arena.take<T, 2>({pairs, shape_.hidden});
    }
    auto received = keeps_inputs ? take_rows(plan, arena) : View<T, 2>{};
    ArenaScope const scope(arena);
    auto activations = saved.experts;
    if (!keeps_inputs) {
        activations.hidden = arena.take<T, 2>({pairs, shape_.hidden});
        received = take_rows(plan, arena);
    }
    auto const sorted = arena.take<T, 2>({pairs, shape_.width});
    auto const steps = steps_of(plan, x.device);
    auto const arriving = exchange_.begin_dispatch<T>(x, plan, steps, received, arena, stream);
    View<T const, 2> const rows = plan.travels ? received : x;
    saved.received = keeps_inputs ? rows : View<T const, 2>{};
    for (std::size_t s = 0; s < steps.size(); ++s) {
        exchange_.arrive(arriving, plan, s, stream);
        auto const selection = pairs_from(plan, steps[s], *group_);
        for_selected(plan.pair_row, selection, [&](auto const& row, Range at) {
            gather_rows<T>(rows, row, sorted.rows(at.begin, at.end), stream);
        });
        experts_gate_up<T>(sorted, group, selection, activations.gate_up, stream);
    }
    experts_activate<T>(group, activations, stream);
    auto const coming = exchange_.begin_combine<T>(saved.computed, PairWeight::gate, plan, arena);
    for (auto const& step : std::views::reverse(steps)) {
        auto const selection = pairs_from(plan, step, *group_);
        experts_down<T>(activations.hidden, group, selection, saved.computed, stream);
        exchange_.send_home(coming, plan, step, stream);
    }
    exchange_.end_combine<T>(coming, plan, y, stream);
}

template <class T>
View<T, 2> MoeLayer<T>::take_rows(DispatchPlan const& plan, Arena& arena) const {
    return plan.travels ? arena.take<T, 2>({plan.num_rows(), shape_.width}) : View<T, 2>{};
}

template <class T>
void MoeLayer<T>::single_forward(
    View<T const, 2> x, View<T, 2> y, Arena& arena, MoeActivations<T>& saved, Stream stream
) {
    auto const tokens = x.shape[0];
    std::array<std::int64_t, 2> const begin{0, tokens};
    auto const group = group_of(begin);
    saved.experts.gate_up = arena.take<T, 2>({tokens, shape_.first()});
    if (group.trainable_experts().size() > 0) {
        saved.experts.hidden = arena.take<T, 2>({tokens, shape_.hidden});
    }
    ArenaScope const scope(arena);
    auto activations = saved.experts;
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
    auto const wanted = dx ? InputGradient::wanted : InputGradient::unwanted;
    bool const goes_on = dx || group_of(plan.expert_begin).trainable_experts().size() > 0;
    auto const gradients_of_pairs = receive_gradients(dy, goes_on, saved, arena, stream);
    auto const dgate =
        begin_gates_backward(gradients_of_pairs.received, wanted, saved, arena, stream);
    RouterGradients gradients;
    gradients.losses = saved.routing.losses;
    if (!probs_slope.empty()) {
        gradients.balance = copy_to(arena, probs_slope, stream);
    }
    if (goes_on) {
        pairs_backward(gradients_of_pairs, dx, saved, arena, stream);
    }
    if (dgate) {
        auto const at_home = arena.take<float, 2>(saved.choice.gate.shape);
        exchange_.end_return(*dgate, plan, at_home, stream);
        gradients.gate = at_home;
    }
    scores_backward(gradients, dx, saved, arena, stream);
}

template <class T>
std::optional<View<float const, 2>> MoeLayer<T>::begin_gates_backward(
    View<T const, 2> dy_received,
    InputGradient wanted,
    MoeActivations<T> const& saved,
    Arena& arena,
    Stream stream
) {
    bool const trains = weights_.router_gradient.data != nullptr;
    if (saved.routing.mode == RoutingMode::hard || (!trains && wanted == InputGradient::unwanted)) {
        return std::nullopt;
    }
    auto const& plan = saved.plan;
    auto const dgate_pairs = arena.take<float, 1>({plan.num_pairs()});
    row_dots<T>(dy_received, plan.pair_row, saved.computed, dgate_pairs, stream);
    return exchange_.begin_return(dgate_pairs, plan, arena, stream);
}

template <class T>
PairGradients<T> MoeLayer<T>::receive_gradients(
    View<T const, 2> dy, bool goes_on, MoeActivations<T> const& saved, Arena& arena, Stream stream
) {
    auto const& plan = saved.plan;
    auto const group = group_of(plan.expert_begin);
    auto const received = take_rows(plan, arena);
    PairGradients<T> gradients{plan.travels ? received : dy, {}, {}};
    if (goes_on) {
        gradients.pairs = arena.take<T, 2>({plan.num_pairs(), shape_.width});
        gradients.hidden = arena.take<T, 2>({plan.num_pairs(), shape_.hidden});
    }
    ArenaScope const scope(arena);
    auto const steps = steps_of(plan, dy.device);
    auto const arriving = exchange_.begin_dispatch<T>(dy, plan, steps, received, arena, stream);
    for (std::size_t s = 0; s < steps.size(); ++s) {
        exchange_.arrive(arriving, plan, s, stream);
        if (!goes_on) {
            continue;
        }
        auto const selection = pairs_from(plan, steps[s], *group_);
        for_selected(plan.pair_row, selection, [&](auto const& row, Range at) {
            gather_scaled_rows<T>(
                gradients.received, row, plan.pair_gate.rows(at.begin, at.end),
                gradients.pairs.rows(at.begin, at.end), stream
            );
        });
        experts_hidden_gradient<T>(gradients.pairs, group, selection, gradients.hidden, stream);
    }
    return gradients;
}

template <class T>
void MoeLayer<T>::pairs_backward(
    PairGradients<T> const& gradients,
    std::optional<View<T, 2>> dx,
    MoeActivations<T> const& saved,
    Arena& arena,
    Stream stream
) {
    auto const& plan = saved.plan;
    auto const group = group_of(plan.expert_begin);
    auto const& dpairs = gradients.pairs;
    View<T, 2> const nowhere{nullptr, dpairs.shape, dpairs.device};
    auto const dgate_up = experts_backward<T>(
        dpairs, gradients.hidden, group, saved.experts, dx ? dpairs : nowhere, arena, stream
    );
    // Backward of dispatch is combine: the sums of the pairs' gradients come home, while the
    // products of weights are made.
    CombineUnderWay<T> coming;
    if (dx) {
        coming = exchange_.begin_combine<T>(dpairs, PairWeight::one, plan, arena);
        exchange_.send_home<T>(coming, plan, {}, stream);
    }
    auto const trained = group.trainable_pairs();
    auto const trained_x = arena.take<T, 2>({trained.size(), shape_.width});
    if (trained.size() > 0) {
        auto const trained_rows = plan.pair_row.rows(trained.begin, trained.end);
        gather_rows<T>(saved.received, trained_rows, trained_x, stream);
    }
    experts_weights_backward<T>(dgate_up, trained_x, group, stream);
    if (dx) {
        exchange_.end_combine<T>(coming, plan, *dx, stream);
    }
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
        experts_backward<T>(dy, dhidden, group, saved.experts, dx.value_or(nowhere), arena, stream);
    experts_weights_backward<T>(dgate_up, saved.x.rows(trained.begin, trained.end), group, stream);
}

template class MoeLayer<float>;
template class MoeLayer<bf16>;

}  // namespace isogloss

// moe/routed_experts.cpp
#include "moe/routed_experts.h"

#include <ranges>

#include "kernels/permute_rows.h"

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
void RoutedExperts<T>::forward(
    View<T const, 2> x,
    View<T, 2> y,
    DispatchPlan const& plan,
    ExpertGroup<T> const& experts,
    Arena& arena,
    RoutedActivations<T>& saved,
    Stream stream
) {
    auto const pairs = plan.num_pairs();
    saved.experts.gate_up = arena.take<T, 2>({pairs, shape_.first()});
    saved.computed = arena.take<T, 2>({pairs, shape_.width});
    // Inputs serve the products of weights alone, so where all experts are frozen none are kept.
    bool const keeps_inputs = experts.trainable_experts().size() > 0;
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
    View<T const, 2> const rows = plan.travels ? received : x;
    saved.received = keeps_inputs ? rows : View<T const, 2>{};
    auto const sorted = arena.take<T, 2>({pairs, shape_.width});
    auto const arriving =
        exchange_.begin_dispatch<T>(x, plan, steps_of(plan, x.device), received, arena, stream);
    auto const& steps = arriving.steps;
    for (std::size_t s = 0; s < steps.size(); ++s) {
        exchange_.arrive(arriving, plan, s, stream);
        auto const selection = pairs_from(plan, steps[s], *group_);
        for_selected(plan.pair_row, selection, [&](auto const& row, Range at) {
            gather_rows<T>(rows, row, sorted.rows(at.begin, at.end), stream);
        });
        experts_gate_up<T>(sorted, experts, selection, activations.gate_up, stream);
    }
    experts_activate<T>(experts, activations, stream);
    auto const coming = exchange_.begin_combine<T>(saved.computed, PairWeight::gate, plan, arena);
    for (auto const& step : std::views::reverse(steps)) {
        auto const selection = pairs_from(plan, step, *group_);
        experts_down<T>(activations.hidden, experts, selection, saved.computed, stream);
        exchange_.send_home(coming, plan, step, stream);
    }
    exchange_.end_combine<T>(coming, plan, y, stream);
}

template <class T>
PairGradients<T> RoutedExperts<T>::receive_gradients(
    View<T const, 2> dy,
    DispatchPlan const& plan,
    ExpertGroup<T> const& experts,
    bool goes_on,
    Arena& arena,
    Stream stream
) {
    // Backward of combine is dispatch.
    auto const received = take_rows(plan, arena);
    PairGradients<T> gradients{plan.travels ? received : dy, {}, {}};
    if (goes_on) {
        gradients.pairs = arena.take<T, 2>({plan.num_pairs(), shape_.width});
        gradients.hidden = arena.take<T, 2>({plan.num_pairs(), shape_.hidden});
    }
    ArenaScope const scope(arena);
    auto const arriving =
        exchange_.begin_dispatch<T>(dy, plan, steps_of(plan, dy.device), received, arena, stream);
    auto const& steps = arriving.steps;
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
        experts_hidden_gradient<T>(gradients.pairs, experts, selection, gradients.hidden, stream);
    }
    return gradients;
}

template <class T>
View<float const, 2> RoutedExperts<T>::begin_gates(
    PairGradients<T> const& gradients,
    DispatchPlan const& plan,
    RoutedActivations<T> const& saved,
    Arena& arena,
    Stream stream
) {
    auto const pairs = arena.take<float, 1>({plan.num_pairs()});
    row_dots<T>(gradients.received, plan.pair_row, saved.computed, pairs, stream);
    return exchange_.begin_return(pairs, plan, arena, stream);
}

template <class T>
void RoutedExperts<T>::backward(
    PairGradients<T> const& gradients,
    std::optional<View<T, 2>> dx,
    DispatchPlan const& plan,
    ExpertGroup<T> const& experts,
    RoutedActivations<T> const& saved,
    Arena& arena,
    Stream stream
) {
    auto const& dpairs = gradients.pairs;
    View<T, 2> const nowhere{nullptr, dpairs.shape, dpairs.device};
    auto const dgate_up = experts_backward<T>(
        dpairs, gradients.hidden, experts, saved.experts, dx ? dpairs : nowhere, arena, stream
    );
    // Backward of dispatch is combine: the sums of the pairs' gradients come home, while the
    // products of weights are made.
    CombineUnderWay<T> coming;
    if (dx) {
        coming = exchange_.begin_combine<T>(dpairs, PairWeight::one, plan, arena);
        exchange_.send_home<T>(coming, plan, {}, stream);
    }
    auto const trained = experts.trainable_pairs();
    auto const trained_x = arena.take<T, 2>({trained.size(), shape_.width});
    if (trained.size() > 0) {
        auto const trained_rows = plan.pair_row.rows(trained.begin, trained.end);
        gather_rows<T>(saved.received, trained_rows, trained_x, stream);
    }
    experts_weights_backward<T>(dgate_up, trained_x, experts, stream);
    if (dx) {
        exchange_.end_combine<T>(coming, plan, *dx, stream);
    }
}

template <class T>
View<T, 2> RoutedExperts<T>::take_rows(DispatchPlan const& plan, Arena& arena) const {
    return plan.travels ? arena.take<T, 2>({plan.num_rows(), shape_.width}) : View<T, 2>{};
}

template class RoutedExperts<float>;
template class RoutedExperts<bf16>;

}  // namespace isogloss

// moe/shared_expert.cpp
#include "moe/shared_expert.h"

#include <array>

#include "moe/scores.h"
#include "moe/shared_gate.h"

namespace isogloss {

template <class T>
void shared_expert_forward(
    View<T const, 2> x,
    SharedExpertWeights<T> const& weights,
    View<T, 2> y,
    Arena& arena,
    SharedActivations<T>& saved,
    Stream stream
) {
    auto const tokens = x.shape[0];
    auto const& expert = weights.expert;
    auto const hidden = expert.down.shape[1];
    std::array<std::int64_t, 2> const begin{0, tokens};
    saved.x = x;
    saved.gate = arena.take<float, 1>({tokens});
    saved.computed = arena.take<T, 2>(x.shape);
    saved.expert.gate_up = arena.take<T, 2>({tokens, expert.gate_up.shape[0]});
    if (expert.is_trainable()) {
        saved.expert.hidden = arena.take<T, 2>({tokens, hidden});
    }
    ArenaScope const scope(arena);
    auto activations = saved.expert;
    if (!expert.is_trainable()) {
        activations.hidden = arena.take<T, 2>({tokens, hidden});
    }
    shared_gate<T>(x, weights.gate, saved.gate, stream);
    experts_forward<T>(
        x, {begin, std::span(&expert, 1), weights.kind}, activations, saved.computed, stream
    );
    add_gated<T>(saved.computed, saved.gate, y, stream);
}

template <class T>
void shared_expert_backward(
    View<T const, 2> dy,
    std::optional<View<T, 2>> dx,
    SharedExpertWeights<T> const& weights,
    SharedActivations<T> const& saved,
    Arena& arena,
    Stream stream
) {
    bool const trains = weights.gate_gradient.data != nullptr;
    if (!dx && !trains) {
        return;
    }
    ArenaScope const scope(arena);
    auto const tokens = dy.shape[0];
    auto const dscore = arena.take<float, 1>({tokens});
    auto const dz = arena.take<T, 2>(dy.shape);
    shared_gate_backward<T>(dy, {saved.computed, saved.gate}, dz, dscore, stream);

    std::array<std::int64_t, 2> const begin{0, tokens};
    ExpertGroup<T> const group{begin, std::span(&weights.expert, 1), weights.kind};
    auto const trained = group.trainable_pairs();
    View<T, 2> const nowhere{nullptr, dz.shape, dz.device};
    auto const dhidden = arena.take<T, 2>({tokens, weights.expert.down.shape[1]});
    experts_hidden_gradient<T>(dz, group, {}, dhidden, stream);
    auto const dgate_up =
        experts_backward<T>(dz, dhidden, group, saved.expert, dx ? dz : nowhere, arena, stream);
    experts_weights_backward<T>(dgate_up, saved.x.rows(trained.begin, trained.end), group, stream);
    if (dx) {
        add_shared_input<T>(dz, dscore, weights.gate, *dx, stream);
    }
    if (trains) {
        score_weights<T>(
            dscore.template reshaped<2>({tokens, 1}), saved.x, weights.gate_gradient, arena, stream
        );
    }
}

#define ISOGLOSS_INSTANTIATE(T)                                                     \
    template void shared_expert_forward(                                            \
        View<T const, 2>, SharedExpertWeights<T> const&, View<T, 2>, Arena&,        \
        SharedActivations<T>&, Stream                                               \
    );                                                                              \
    template void shared_expert_backward(                                           \
        View<T const, 2>, std::optional<View<T, 2>>, SharedExpertWeights<T> const&, \
        SharedActivations<T> const&, Arena&, Stream                                 \
    )
ISOGLOSS_INSTANTIATE(float);
ISOGLOSS_INSTANTIATE(bf16);
#undef ISOGLOSS_INSTANTIATE

}  // namespace isogloss

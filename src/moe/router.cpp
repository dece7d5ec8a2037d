// moe/router.cpp
#include "moe/router.h"

#include "base/require.h"
#include "kernels/elementwise.h"
#include "kernels/matmul.h"
#include "kernels/top_k_softmax.h"
#include "moe/probability_gates.h"
#include "moe/routing_ops.h"
#include "moe/scores.h"

namespace isogloss {
namespace {

bool needs_scores(RouterTask const& task) {
    auto const& losses = task.routing.losses;
    return task.routed > 0 || losses.classification.is_wanted() || losses.priors.is_wanted();
}

}  // namespace

template <class T>
RouterChoice route(
    RouterInputs<T> const& inputs, RouterTask const& task, Arena& arena, Stream stream
) {
    auto const [tokens, width] = inputs.x.shape;
    auto const experts = inputs.weight.shape[0];
    require(
        inputs.weight.shape[1] == width && task.choices >= 1 && task.choices <= experts,
        "route: x is [{}, {}], the router [{}, {}], {} choices; widths must agree and choices be "
        "at most the experts",
        tokens, width, experts, inputs.weight.shape[1], task.choices
    );
    RouterChoice choice;
    choice.gate = arena.take<float, 2>({tokens, task.choices});
    choice.expert = arena.take<std::int32_t, 2>({tokens, task.choices});
    choice.among = task.among;
    choice.gates = task.gates;
    if (needs_scores(task)) {
        choice.probs = arena.take<float, 2>({tokens, experts});
        ArenaScope const scope(arena);
        auto const logits = arena.take<float, 2>({tokens, experts});
        score<T>(inputs.x, inputs.weight, logits, arena, stream);
        top_k_softmax(logits, task.among, choice.probs, choice.gate, choice.expert, stream);
        choice.losses = router_losses(logits, task.routing.losses, stream);
    }
    if (task.routed > 0 && task.gates == GateScale::probabilities) {
        take_probabilities({choice.probs, choice.expert, choice.among}, choice.gate, stream);
    }
    if (task.routed == 0) {
        give_experts(
            task.routing.expert, static_cast<std::int32_t>(experts), choice.expert, choice.gate,
            stream
        );
    }
    return choice;
}

template <class T>
void route_backward(
    RouterInputs<T> const& inputs,
    RouterChoice const& choice,
    RouterGradients const& gradients,
    RouterSums<T> const& sums,
    Arena& arena,
    Stream stream
) {
    if (choice.probs.data == nullptr) {
        return;
    }
    ArenaScope const scope(arena);
    auto const dlogits = arena.take<float, 2>(choice.probs.shape);
    if (gradients.gate.data == nullptr) {
        fill<float>(dlogits.flat(), 0.0F, stream);
    } else if (choice.gates == GateScale::probabilities) {
        take_probabilities_backward(
            {choice.probs, choice.expert, choice.among}, gradients.gate, dlogits, stream
        );
    } else {
        top_k_softmax_backward(choice.gate, choice.expert, gradients.gate, dlogits, stream);
    }
    add_router_loss_gradients(
        choice.probs, gradients.losses, {gradients.balance, choice.among}, dlogits, stream
    );
    if (sums.dx.data != nullptr) {
        score_inputs<T>(dlogits, inputs.weight, sums.dx, arena, stream);
    }
    if (sums.dweight.data != nullptr) {
        score_weights<T>(dlogits, inputs.x, sums.dweight, arena, stream);
    }
}

#define ISOGLOSS_INSTANTIATE(T)                                                                    \
    template RouterChoice route(RouterInputs<T> const&, RouterTask const&, Arena&, Stream);        \
    template void route_backward(                                                                  \
        RouterInputs<T> const&, RouterChoice const&, RouterGradients const&, RouterSums<T> const&, \
        Arena&, Stream                                                                             \
    )
ISOGLOSS_INSTANTIATE(float);
ISOGLOSS_INSTANTIATE(bf16);
#undef ISOGLOSS_INSTANTIATE

}  // namespace isogloss

// moe/router.cpp
#include "moe/router.h"

#include <type_traits>

#include "base/require.h"
#include "kernels/elementwise.h"
#include "kernels/matmul.h"
#include "kernels/top_k_softmax.h"

namespace isogloss {
namespace {

// x itself, or a copy in float taken from the arena.
template <class T>
View<float const, 2> as_float(View<T const, 2> x, Arena& arena, Stream stream) {
    if constexpr (std::is_same_v<T, float>) {
        return x;
    } else {
        auto const wide = arena.take<float, 2>(x.shape);
        cast<T, float>(x.flat(), wide.flat(), stream);
        return wide;
    }
}

// dx += dlogits weight, in float until it is added.
template <class T>
void add_input_gradient(
    View<float const, 2> dlogits,
    View<float const, 2> weight,
    View<T, 2> dx,
    Arena& arena,
    Stream stream
) {
    if constexpr (std::is_same_v<T, float>) {
        matmul_nn<float, float>(dlogits, weight, dx, Write::add, stream);
    } else {
        auto const wide = arena.take<float, 2>(dx.shape);
        matmul_nn<float, float>(dlogits, weight, wide, Write::replace, stream);
        auto const narrow = arena.take<T, 2>(dx.shape);
        cast<float, T>(wide.flat(), narrow.flat(), stream);
        add<T>(narrow.flat(), dx.flat(), stream);
    }
}

}  // namespace

template <class T>
RouterChoice route(
    View<T const, 2> x,
    View<float const, 2> weight,
    std::int64_t choices,
    Arena& arena,
    Stream stream
) {
    auto const tokens = x.shape[0];
    auto const experts = weight.shape[0];
    require(
        weight.shape[1] == x.shape[1] && choices >= 1 && choices <= experts,
        "route: x is [{}, {}], the router [{}, {}], {} choices; widths must agree and choices be "
        "at "
        "most the experts",
        tokens, x.shape[1], experts, weight.shape[1], choices
    );
    RouterChoice choice{
        arena.take<float, 2>({tokens, experts}), arena.take<float, 2>({tokens, choices}),
        arena.take<std::int32_t, 2>({tokens, choices})};
    ArenaScope const scope(arena);
    auto const logits = arena.take<float, 2>({tokens, experts});
    matmul_nt<float, float>(as_float<T>(x, arena, stream), weight, logits, Write::replace, stream);
    top_k_softmax(logits, choice.probs, choice.gate, choice.expert, stream);
    return choice;
}

template <class T>
void route_backward(
    RouterInputs<T> const& inputs,
    RouterChoice const& choice,
    RouterGradients const& gradients,
    View<T, 2> dx,
    View<float, 2> dweight,
    Arena& arena,
    Stream stream
) {
    ArenaScope const scope(arena);
    auto const dlogits = arena.take<float, 2>(choice.probs.shape);
    top_k_softmax_backward(
        choice.probs, choice.gate, choice.expert, gradients.gate, gradients.probs, dlogits, stream
    );
    add_input_gradient<T>(dlogits, inputs.weight, dx, arena, stream);
    if (dweight.data != nullptr) {
        matmul_tn<float, float>(
            dlogits, as_float<T>(inputs.x, arena, stream), dweight, Write::add, stream
        );
    }
}

#define ISOGLOSS_INSTANTIATE(T)                                                          \
    template RouterChoice route(                                                         \
        View<T const, 2>, View<float const, 2>, std::int64_t, Arena&, Stream             \
    );                                                                                   \
    template void route_backward(                                                        \
        RouterInputs<T> const&, RouterChoice const&, RouterGradients const&, View<T, 2>, \
        View<float, 2>, Arena&, Stream                                                   \
    )
ISOGLOSS_INSTANTIATE(float);
ISOGLOSS_INSTANTIATE(bf16);
#undef ISOGLOSS_INSTANTIATE

}  // namespace isogloss

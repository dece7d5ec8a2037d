// moe/scores_cpu.cpp
#include <type_traits>

#include "kernels/elementwise.h"
#include "kernels/matmul.h"
#include "moe/scores.h"

namespace isogloss::cpu {
namespace {

// x itself, or a copy in float taken from the arena.
template <class T>
View<float const, 2> as_float(View<T const, 2> x, Arena& arena) {
    if constexpr (std::is_same_v<T, float>) {
        return x;
    } else {
        auto const wide = arena.take<float, 2>(x.shape);
        cast<T, float>(x.flat(), wide.flat(), Stream{});
        return wide;
    }
}

}  // namespace

template <class T>
void score(View<T const, 2> x, View<float const, 2> weight, View<float, 2> logits, Arena& arena) {
    ArenaScope const scope(arena);
    matmul_nt<float, float>(as_float<T>(x, arena), weight, logits, Write::replace, Stream{});
}

template <class T>
void score_weights(
    View<float const, 2> dlogits, View<T const, 2> x, View<float, 2> dweight, Arena& arena
) {
    ArenaScope const scope(arena);
    matmul_tn<float, float>(dlogits, as_float<T>(x, arena), dweight, Write::add, Stream{});
}

template <class T>
void score_inputs(
    View<float const, 2> dlogits, View<float const, 2> weight, View<T, 2> dx, Arena& arena
) {
    if constexpr (std::is_same_v<T, float>) {
        matmul_nn<float, float>(dlogits, weight, dx, Write::add, Stream{});
    } else {
        ArenaScope const scope(arena);
        auto const sums = arena.take<float, 2>(dx.shape);
        matmul_nn<float, float>(dlogits, weight, sums, Write::replace, Stream{});
        add<float, T>(sums.flat(), dx.flat(), Stream{});
    }
}

template decltype(score<float>) score<float>;
template decltype(score<bf16>) score<bf16>;
template decltype(score_weights<float>) score_weights<float>;
template decltype(score_weights<bf16>) score_weights<bf16>;
template decltype(score_inputs<float>) score_inputs<float>;
template decltype(score_inputs<bf16>) score_inputs<bf16>;

}  // namespace isogloss::cpu

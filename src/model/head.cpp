// model/head.cpp
#include "model/head.h"

#include <algorithm>

#include "kernels/cross_entropy.h"

namespace isogloss {
namespace {

// Calls `work(begin, end, logits)` for every chunk of tokens, logits filled.
template <class T, class Work>
void for_each_chunk(
    View<T const, 2> h, MatrixParameter<T> const& weight, Arena& arena, Work const& work
) {
    ArenaScope const scope(arena);
    auto const num_tokens = h.shape[0];
    auto const vocab_size = weight.value.shape[0];
    auto const most = head_chunk(h.device);
    auto const logits = arena.take<T, 2>({std::min(most, num_tokens), vocab_size});
    for (std::int64_t begin = 0; begin < num_tokens; begin += most) {
        auto const end = std::min(begin + most, num_tokens);
        auto const chunk = logits.rows(0, end - begin);
        linear<T>(h.rows(begin, end), weight, chunk);
        work(begin, end, chunk);
    }
}

}  // namespace

template <class T>
void head_loss(
    View<T const, 2> h,
    MatrixParameter<T> const& weight,
    View<std::int32_t const, 1> target,
    View<float, 1> loss,
    Arena& arena
) {
    for_each_chunk(h, weight, arena, [&](std::int64_t begin, std::int64_t end, View<T, 2> logits) {
        cross_entropy<T>(logits, target.rows(begin, end), loss.rows(begin, end), Stream{});
    });
}

template <class T>
void head_loss_with_gradient(
    View<T const, 2> h,
    MatrixParameter<T> const& weight,
    View<std::int32_t const, 1> target,
    float scale,
    View<float, 1> loss,
    View<T, 2> dh,
    Arena& arena
) {
    for_each_chunk(h, weight, arena, [&](std::int64_t begin, std::int64_t end, View<T, 2> logits) {
        cross_entropy_with_gradient<T>(
            logits, target.rows(begin, end), scale, loss.rows(begin, end), Stream{}
        );
        linear_to_input<T>(logits, weight, dh.rows(begin, end));
        linear_to_weight<T>(logits, h.rows(begin, end), weight);
    });
}

template decltype(head_loss<float>) head_loss<float>;
template decltype(head_loss<bf16>) head_loss<bf16>;
template decltype(head_loss_with_gradient<float>) head_loss_with_gradient<float>;
template decltype(head_loss_with_gradient<bf16>) head_loss_with_gradient<bf16>;

}  // namespace isogloss

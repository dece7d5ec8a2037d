// model/attention.cpp
#include "model/attention.h"

#include "kernels/elementwise.h"
#include "kernels/rotary.h"

namespace isogloss {
namespace {

// Queries and keys turned by their positions; values stay.
template <class T>
void turn(View<T, 2> qkv, TokenLayout const& tokens, Rotation rotation) {
    auto const& shape = tokens.shape;
    rotary<T>(
        qkv.template reshaped<3>({qkv.shape[0], shape.heads + 2 * shape.kv_heads, shape.head_width}
        ),
        shape.heads + shape.kv_heads, tokens.position, tokens.cosine, tokens.sine, rotation,
        Stream{}
    );
}

}  // namespace

template <class T>
void self_attention(
    View<T const, 2> x,
    AttentionWeights<T> const& weights,
    TokenLayout const& tokens,
    View<T, 2> y,
    AttentionActivations<T>& saved,
    Arena& arena,
    PhaseWatch& watch
) {
    auto const& shape = tokens.shape;
    auto const num_tokens = x.shape[0];
    saved.qkv = arena.take<T, 2>({num_tokens, weights.qkv.value.shape[0]});
    saved.out = arena.take<T, 2>({num_tokens, shape.heads * shape.head_width});
    saved.log_sum = arena.take<float, 2>({num_tokens, shape.heads});

    linear(x, weights.qkv, saved.qkv);
    if (weights.bias.value.data != nullptr) {
        add_bias(saved.qkv, weights.bias.value, Stream{});
    }
    turn(saved.qkv, tokens, Rotation::forward);
    watch.lap(Phase::qkv);
    attention<T>(saved.qkv, tokens.document_start, shape, saved.out, saved.log_sum, Stream{});
    watch.lap(Phase::attend);
    linear<T>(saved.out, weights.output, y);
    watch.lap(Phase::output);
}

template <class T>
void self_attention_backward(
    View<T const, 2> dy,
    View<T const, 2> x,
    AttentionWeights<T> const& weights,
    TokenLayout const& tokens,
    AttentionActivations<T> const& saved,
    View<T, 2> dx,
    Arena& arena,
    PhaseWatch& watch
) {
    ArenaScope const scope(arena);
    auto const dout = arena.take<T, 2>(saved.out.shape);
    auto const dqkv = arena.take<T, 2>(saved.qkv.shape);

    linear_to_input(dy, weights.output, dout);
    linear_to_weight<T>(dy, saved.out, weights.output);
    watch.lap(Phase::output);
    attention_backward<T>(
        saved.qkv, tokens.document_start, tokens.shape, saved.out, saved.log_sum, dout, dqkv,
        Stream{}
    );
    watch.lap(Phase::attend);
    turn(dqkv, tokens, Rotation::inverse);
    if (weights.bias.trains()) {
        sum_columns<T>(dqkv, weights.bias.gradient, Stream{});
    }
    linear_to_weight<T>(dqkv, x, weights.qkv);
    linear_to_input<T>(dqkv, weights.qkv, dx);
    watch.lap(Phase::qkv);
}

template decltype(self_attention<float>) self_attention<float>;
template decltype(self_attention<bf16>) self_attention<bf16>;
template decltype(self_attention_backward<float>) self_attention_backward<float>;
template decltype(self_attention_backward<bf16>) self_attention_backward<bf16>;

}  // namespace isogloss

// model/attention.cpp
#include "model/attention.h"

#include "kernels/elementwise.h"
#include "kernels/head_norm.h"
#include "kernels/rotary.h"

namespace isogloss {
namespace {

// Heads side by side, of each token.
template <class T, class U>
View<T, 3> heads_of(View<U, 2> qkv, AttentionShape const& shape) {
    return {
        qkv.data, {qkv.shape[0], shape.heads + 2 * shape.kv_heads, shape.head_width}, qkv.device};
}

// Queries and keys turned by their positions; values stay.
template <class T>
void turn(View<T, 2> qkv, TokenLayout const& tokens, Rotation rotation) {
    if (tokens.cosine.data == nullptr) {
        return;
    }
    auto const& shape = tokens.shape;
    rotary<T>(
        heads_of<T>(qkv, shape), shape.heads + shape.kv_heads, tokens.position, tokens.cosine,
        tokens.sine, rotation, Stream{}
    );
}

template <class T>
HeadNorm<T> head_norm_of(AttentionWeights<T> const& weights, AttentionShape const& shape) {
    return {
        shape.heads, shape.kv_heads, weights.query_norm.value, weights.key_norm.value,
        weights.norm_epsilon};
}

// saved.qkv before positions, and what the norm of heads needs on the way back.
template <class T>
void project(
    View<T const, 2> x,
    AttentionWeights<T> const& weights,
    AttentionShape const& shape,
    AttentionActivations<T>& saved,
    Arena& arena
) {
    bool const has_norm = weights.query_norm.value.data != nullptr;
    saved.qkv = arena.take<T, 2>({x.shape[0], weights.qkv.value.shape[0]});
    saved.raw = has_norm ? arena.take<T, 2>(saved.qkv.shape) : saved.qkv;
    linear(x, weights.qkv, saved.raw);
    if (weights.bias.value.data != nullptr) {
        add_bias(saved.raw, weights.bias.value, Stream{});
    }
    if (has_norm) {
        saved.head_inverse = arena.take<float, 2>({x.shape[0], shape.heads + shape.kv_heads});
        head_norm<T>(
            heads_of<T const>(saved.raw, shape), head_norm_of(weights, shape),
            heads_of<T>(saved.qkv, shape), saved.head_inverse, Stream{}
        );
    }
}

// saved.out, over the tokens of the pass or over all that the memory keeps.
template <class T>
void attend(std::int32_t layer, TokenLayout const& tokens, AttentionActivations<T> const& saved) {
    auto const* const memory = tokens.memory;
    CachePlaces const places{tokens.shape, tokens.sequence, tokens.position};
    if (memory != nullptr) {
        store_keys_values<T>(saved.qkv, places, memory->layer<T>(layer), Stream{});
    }
    if (memory != nullptr && !memory->is_empty()) {
        return cached_attention<T>(saved.qkv, places, memory->layer<T>(layer), saved.out, Stream{});
    }
    attention<T>(
        saved.qkv, tokens.document_start, tokens.shape, saved.out, saved.log_sum, Stream{}
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
    project(x, weights, shape, saved, arena);
    saved.out = arena.take<T, 2>({num_tokens, shape.heads * shape.head_width});
    saved.log_sum = arena.take<float, 2>({num_tokens, shape.heads});

    turn(saved.qkv, tokens, Rotation::forward);
    watch.lap(Phase::qkv);
    attend(weights.layer, tokens, saved);
    watch.lap(Phase::attend);
    linear<T>(saved.out, weights.output, y);
    if (weights.output_bias.value.data != nullptr) {
        add_bias(y, weights.output_bias.value, Stream{});
    }
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
    if (weights.output_bias.trains()) {
        sum_columns<T>(dy, weights.output_bias.gradient, Stream{});
    }
    watch.lap(Phase::output);
    attention_backward<T>(
        saved.qkv, tokens.document_start, tokens.shape, saved.out, saved.log_sum, dout, dqkv,
        Stream{}
    );
    watch.lap(Phase::attend);
    turn(dqkv, tokens, Rotation::inverse);
    if (weights.query_norm.value.data != nullptr) {
        auto const& shape = tokens.shape;
        head_norm_backward<T>(
            heads_of<T const>(saved.raw, shape), head_norm_of(weights, shape), saved.head_inverse,
            heads_of<T>(dqkv, shape), {weights.query_norm.gradient, weights.key_norm.gradient},
            Stream{}
        );
    }
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

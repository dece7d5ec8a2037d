// model/block.cpp
#include "model/block.h"

#include <fmt/format.h>

#include "model/optimizer.h"
#include "moe/unit_rows.h"

namespace isogloss {
namespace {

template <class T>
AttentionWeights<T> attention_weights(
    ParameterTable const& table, ModelConfig const& config, std::int32_t layer
) {
    auto const prefix = fmt::format("layers.{}.", layer);
    AttentionWeights<T> weights;
    weights.layer = layer;
    weights.norm_epsilon = config.norm_epsilon;
    weights.qkv = matrix_of<T>(table, prefix + "attention.qkv.weight");
    if (config.qkv_bias) {
        weights.bias = vector_of<T>(table, prefix + "attention.qkv.bias");
    }
    if (config.family.qk_norm) {
        weights.query_norm = vector_of<T>(table, prefix + "attention.q_norm.weight");
        weights.key_norm = vector_of<T>(table, prefix + "attention.k_norm.weight");
    }
    weights.output = matrix_of<T>(table, prefix + "attention.output.weight");
    if (config.family.linear_bias) {
        weights.output_bias = vector_of<T>(table, prefix + "attention.output.bias");
    }
    return weights;
}

template <class T>
ExpertWeights<T> expert_weights(
    ParameterTable const& table, ModelConfig const& config, std::string const& name
) {
    auto const first = name + (is_gated(config.family.feed_forward) ? "gate_up" : "up");
    auto const gate_up = matrix_of<T>(table, first + ".weight");
    auto const down = matrix_of<T>(table, name + "down.weight");
    ExpertWeights<T> weights{gate_up.value, down.value, gate_up.gradient, down.gradient};
    if (config.family.linear_bias) {
        auto const gate_up_bias = vector_of<T>(table, first + ".bias");
        auto const down_bias = vector_of<T>(table, name + "down.bias");
        weights.gate_up_bias = gate_up_bias.value;
        weights.down_bias = down_bias.value;
        weights.gate_up_bias_gradient = gate_up_bias.gradient;
        weights.down_bias_gradient = down_bias.gradient;
    }
    return weights;
}

template <class T>
MoeWeights<T> moe_weights(
    ParameterTable const& table,
    ModelConfig const& config,
    std::int32_t layer,
    std::vector<std::int32_t> const& held_experts
) {
    auto const prefix = fmt::format("layers.{}.", layer);
    MoeWeights<T> weights;
    if (config.layers[static_cast<std::size_t>(layer)].has_router()) {
        auto const router = matrix_of<float>(table, prefix + "router.weight");
        weights.router = router.value;
        weights.router_gradient = router.gradient.sum;
    }
    auto const& classifier = config.layers[static_cast<std::size_t>(layer)].classifier;
    if (classifier.classes > 0) {
        auto const matrix = matrix_of<float>(table, prefix + "classifier.weight");
        weights.classifier = {matrix.value, matrix.gradient.sum, classifier.span};
    }
    if (config.layers[static_cast<std::size_t>(layer)].has_shared_expert()) {
        auto const name = prefix + "shared_expert.";
        auto const gate = matrix_of<T>(table, name + "gate.weight");
        weights.shared = {
            expert_weights<T>(table, config, name), config.family.feed_forward, gate.value,
            gate.gradient.sum};
    }
    for (auto const expert : held_experts) {
        auto const name = fmt::format("{}experts.{}.", prefix, expert);
        weights.experts.push_back(expert_weights<T>(table, config, name));
    }
    return weights;
}

}  // namespace

template <class T>
Block<T>::Block(
    ParameterTable const& table,
    ModelConfig const& config,
    std::int32_t layer,
    LayerPlacement const& placement,
    MpiComm const& world
)
    : layer_(static_cast<std::size_t>(layer)),
      attention_norm_(norm_of<T>(table, config, fmt::format("layers.{}.attention_norm", layer))),
      attention_(attention_weights<T>(table, config, layer)),
      ffn_norm_(norm_of<T>(table, config, fmt::format("layers.{}.ffn_norm", layer))),
      moe_(
          {config.width, config.ffn_hidden, config.top_k, config.family.feed_forward, config.gates,
           config.layers[static_cast<std::size_t>(layer)].shared_hidden},
          placement,
          world,
          moe_weights<T>(table, config, layer, placement.experts_of(world.rank()))
      ) {}

template <class T>
void Block<T>::forward(
    Residual<T> const& in,
    View<T, 2> y,
    Keep keep,
    BlockActivations<T>& saved,
    RoutingStats& stats,
    Pass const& pass
) {
    auto& arena = *pass.arena;
    auto& watch = *pass.watch;
    // The attention's result becomes the residual stream: the sum is made in its memory, so that
    // the stream before it stays for the backward pass.
    saved.middle.x = arena.take<T, 2>(in.x.shape);
    saved.middle.normed = arena.take<T, 2>(in.x.shape);
    saved.middle.moments = take_moments(ffn_norm_.kind, in.x.shape[0], arena);
    self_attention<T>(
        in.normed, attention_, pass.tokens, saved.middle.x, saved.attention, arena, watch
    );
    add_and_normalise<T>(
        saved.middle.x, in.x, ffn_norm_, saved.middle.normed, saved.middle.moments
    );
    watch.lap(Phase::norm);

    if (pass.hidden_sums != nullptr) {
        observe(saved.middle.normed, pass);
    }
    auto const& routing = pass.routing[layer_];
    double const exchanged = moe_.tally().seconds;
    if (keep == Keep::all) {
        moe_.forward(saved.middle.normed, y, routing, arena, saved.moe, stats, Stream{});
    } else {
        moe_.forward(saved.middle.normed, y, routing, arena, stats, Stream{});
    }
    watch.lap(Phase::experts, Phase::exchange, moe_.tally().seconds - exchanged);
}

template <class T>
void Block<T>::observe(View<T const, 2> x, Pass const& pass) const {
    auto const width = static_cast<std::size_t>(x.shape[1]);
    auto const sums = std::span<double>(pass.hidden_sums->unit_sum).subspan(layer_ * width, width);
    add_unit_rows<T>(x, pass.target, sums, Stream{});
}

template <class T>
void Block<T>::backward(
    Residual<T> const& in,
    BlockActivations<T> const& saved,
    std::span<float const> probs_slope,
    Backward depth,
    View<T, 2> dx,
    Pass const& pass
) {
    auto& arena = *pass.arena;
    auto& watch = *pass.watch;
    ArenaScope const scope(arena);
    auto const dnormed = arena.take<T, 2>(dx.shape);

    double const exchanged = moe_.tally().seconds;
    std::optional<View<T, 2>> below;
    if (depth == Backward::whole) {
        below = dnormed;
    }
    moe_.backward(dx, below, saved.moe, probs_slope, arena, Stream{});
    watch.lap(Phase::experts, Phase::exchange, moe_.tally().seconds - exchanged);
    if (pass.optimizer != nullptr) {
        // All of the blocks above is done, and the ranks' exchange pauses until the next block.
        pass.optimizer->begin_reduction(static_cast<std::int32_t>(layer_) + 1);
    }
    if (depth == Backward::feed_forward) {
        return;
    }
    normalise_backward<T>(dnormed, saved.middle.x, ffn_norm_, saved.middle.moments, dx);
    watch.lap(Phase::norm);
    self_attention_backward<T>(
        dx, in.normed, attention_, pass.tokens, saved.attention, dnormed, arena, watch
    );
    normalise_backward<T>(dnormed, in.x, attention_norm_, in.moments, dx);
    watch.lap(Phase::norm);
}

template class Block<float>;
template class Block<bf16>;

}  // namespace isogloss

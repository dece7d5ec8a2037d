// model/transformer.cpp
#include "model/transformer.h"

#include <algorithm>

#include "comm/activity.h"
#include "kernels/elementwise.h"
#include "kernels/permute_rows.h"
#include "model/head.h"

namespace isogloss {
namespace {

bool trains(ModelConfig const& config, LayerConfig const& layer) {
    return config.backbone_trainable || (layer.has_router() && config.routers_trainable) ||
           std::ranges::any_of(layer.experts, &ExpertConfig::trainable);
}

// From the config alone, so that every rank stops at the same block.
std::size_t lowest_trainable(ModelConfig const& config) {
    auto const found = std::ranges::find_if(config.layers, [&](LayerConfig const& layer) {
        return trains(config, layer);
    });
    return static_cast<std::size_t>(found - config.layers.begin());
}

template <class T>
std::vector<Block<T>> blocks_of(
    ModelConfig const& config,
    ParameterTable const& table,
    Placement const& placement,
    MpiComm const& world
) {
    std::vector<Block<T>> blocks;
    blocks.reserve(config.layers.size());
    for (std::int32_t i = 0; i < config.num_layers(); ++i) {
        blocks.emplace_back(table, config, i, placement.layers[static_cast<std::size_t>(i)], world);
    }
    return blocks;
}

}  // namespace

template <class T>
Transformer<T>::Transformer(
    ModelConfig const& config,
    ParameterTable& table,
    Placement const& placement,
    MpiComm const& world,
    Activations activations
)
    : config_(&config),
      table_(&table),
      world_(&world),
      activations_(activations),
      embedding_(embedding_of<T>(table, config)),
      blocks_(blocks_of<T>(config, table, placement, world)),
      final_norm_(norm_of<T>(table, config, "final_norm")),
      head_(config.tied_embeddings ? embedding_.table : matrix_of<T>(table, "head.weight")),
      lowest_trainable_(lowest_trainable(config)),
      entries_(blocks_.size() + 1),
      saved_(blocks_.size()) {}

template <class T>
TransformerOutput Transformer<T>::train(LossWeights const& weights, Pass const& pass) {
    auto& arena = *pass.arena;
    auto const num_tokens = pass.token.size();
    forward(lowest_trainable_, pass);
    output_.balance = balance_loss(output_.stats, weights.balance_scale, weights.balance, *world_);
    if (weights.balance == 0.0) {
        output_.balance.slope.assign(blocks_.size(), {});
    }

    auto const& last = entries_.back();
    auto const dx = arena.take<T, 2>({num_tokens, config_->width});
    ArenaScope const scope(arena);
    auto const dnormed = arena.take<T, 2>(dx.shape);
    head_loss_with_gradient<T>(
        last.normed, head_, pass.target, weights.token, output_.loss, dnormed, arena
    );
    pass.watch->lap(Phase::head);
    if (lowest_trainable_ < blocks_.size()) {
        fill<T>(dx.flat(), 0.0F, Stream{});
        normalise_backward<T>(dnormed, last.x, final_norm_, last.moments, dx);
        pass.watch->lap(Phase::norm);
        backward(dx, pass);
    }
    return output_;
}

template <class T>
TransformerOutput Transformer<T>::evaluate(Pass const& pass) {
    forward(blocks_.size() + 1, pass);
    output_.balance = {};
    head_loss<T>(entries_.back().normed, head_, pass.target, output_.loss, *pass.arena);
    pass.watch->lap(Phase::head);
    return output_;
}

template <class T>
View<float, 2> Transformer<T>::logits(View<std::int32_t const, 1> wanted, Pass const& pass) {
    auto& arena = *pass.arena;
    auto const rows = wanted.size();
    auto const scores = arena.take<float, 2>({rows, config_->vocab_size});
    forward(blocks_.size() + 1, pass);
    auto const hidden = arena.take<T, 2>({rows, config_->width});
    gather_rows<T>(entries_.back().normed, wanted, hidden, Stream{});
    auto const stored = arena.take<T, 2>(scores.shape);
    linear<T>(hidden, head_, stored);
    cast<T, float>(stored.flat(), scores.flat(), Stream{});
    pass.watch->lap(Phase::head);
    return scores;
}

template <class T>
Residual<T> Transformer<T>::take_residual(Pass const& pass, std::int64_t num_tokens) const {
    auto& arena = *pass.arena;
    return {
        arena.take<T, 2>({num_tokens, config_->width}),
        arena.take<T, 2>({num_tokens, config_->width}),
        take_moments(final_norm_.kind, num_tokens, arena)};
}

// Memory for the input of block `block`: its own where the backward pass will look at it.
template <class T>
Residual<T> Transformer<T>::entry_of(
    std::size_t block, std::size_t first_kept, std::int64_t num_tokens, Pass const& pass
) const {
    bool const is_head = block == blocks_.size();
    if (block >= first_kept && (is_head || activations_ == Activations::keep)) {
        return take_residual(pass, num_tokens);
    }
    auto entry = places_[block % 2];
    if (block >= first_kept) {
        entry.x = pass.arena->take<T, 2>({num_tokens, config_->width});
    }
    return entry;
}

template <class T>
void Transformer<T>::forward(std::size_t first_kept, Pass const& pass) {
    auto const num_tokens = pass.token.size();
    output_.stats.assign(blocks_.size(), {});
    output_.loss = pass.arena->take<float, 1>({num_tokens});
    places_ = {take_residual(pass, num_tokens), take_residual(pass, num_tokens)};

    begin_block(0);
    auto& entry = entries_.front();
    entry = entry_of(0, first_kept, num_tokens, pass);
    embed_tokens<T>(pass.token, embedding_, entry.x, *pass.arena);
    pass.watch->lap(Phase::embed);
    normalise<T>(entry.x, blocks_.front().attention_norm(), entry.normed, entry.moments);
    pass.watch->lap(Phase::norm);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
        entries_[i + 1] = entry_of(i + 1, first_kept, num_tokens, pass);
        bool const keeps = i >= first_kept && activations_ == Activations::keep;
        forward_block(i, keeps ? Keep::all : Keep::nothing, pass);
    }
}

template <class T>
void Transformer<T>::forward_block(std::size_t i, Keep keep, Pass const& pass) {
    mark_phase("forward", static_cast<std::int64_t>(i));
    auto const mark = pass.arena->mark();
    auto& next = entries_[i + 1];
    auto const& norm = i + 1 < blocks_.size() ? blocks_[i + 1].attention_norm() : final_norm_;
    blocks_[i].forward(entries_[i], next.x, keep, saved_[i], output_.stats[i], pass);
    begin_block(i + 1);
    add_and_normalise<T>(next.x, saved_[i].middle.x, norm, next.normed, next.moments);
    if (keep == Keep::nothing) {
        pass.arena->release(mark);
    }
    pass.watch->lap(Phase::norm);
}

template <class T>
void Transformer<T>::backward(View<T, 2> dx, Pass const& pass) {
    for (std::size_t i = blocks_.size(); i-- > lowest_trainable_;) {
        backward_block(i, dx, pass);
    }
    if (embedding_.trains()) {
        embed_tokens_backward<T>(pass.token, embedding_, dx, *pass.arena);
        pass.watch->lap(Phase::embed);
    }
}

template <class T>
void Transformer<T>::backward_block(std::size_t i, View<T, 2> dx, Pass const& pass) {
    mark_phase("backward", static_cast<std::int64_t>(i));
    ArenaScope const scope(*pass.arena);
    auto const& entry = entries_[i];
    if (activations_ == Activations::recompute) {
        normalise<T>(entry.x, blocks_[i].attention_norm(), entry.normed, entry.moments);
        auto const again = pass.arena->take<T, 2>(dx.shape);
        RoutingStats counted_before;
        blocks_[i].forward(entry, again, Keep::all, saved_[i], counted_before, pass);
    }
    bool const is_end = i == lowest_trainable_ && !config_->backbone_trainable;
    blocks_[i].backward(
        entry, saved_[i], output_.balance.slope[i],
        is_end ? Backward::feed_forward : Backward::whole, dx, pass
    );
}

template class Transformer<float>;
template class Transformer<bf16>;

}  // namespace isogloss

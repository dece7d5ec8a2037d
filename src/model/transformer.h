// model/transformer.h - the network in one element type: embedding, blocks, norm, head; forward and
// backward.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/block.h"
#include "model/embedding.h"
#include "moe/balance_loss.h"

namespace isogloss {

/// What a pass over one micro-batch gives besides gradients.
struct TransformerOutput {
    View<float, 1> loss;              ///< [N] nats, in the arena; 0 where no target counts
    std::vector<RoutingStats> stats;  ///< [layer]
    BalanceLoss balance;              ///< of a training pass
};

/// How a training pass weighs its losses; those of routers are weighed in Pass::routing.
struct LossWeights {
    float token = 1.0F;  ///< of every counted target: 1 / counted targets of the global batch
    double balance = 0.0;
    BalanceScale balance_scale = BalanceScale::one;
};

/// What is kept of a block between forward and backward.
enum class Activations : std::uint8_t {
    keep,
    recompute,  ///< the block's input only; its forward pass is run again
};

/// All passes are collective over the world.
template <class T>
class Transformer {
public:
    /// Views into `table`, which must outlive it, as must `config` and `world`.
    Transformer(
        ModelConfig const& config,
        ParameterTable& table,
        Placement const& placement,
        MpiComm const& world,
        Activations activations
    );

    /// Adds to the gradients of the trainable parameters; stops at the lowest of them.
    TransformerOutput train(LossWeights const& weights, Pass const& pass);
    TransformerOutput evaluate(Pass const& pass);
    /// [M, V] of the tokens wanted [M], each an index in [0, N): scores of what follows it.
    View<float, 2> logits(View<std::int32_t const, 1> wanted, Pass const& pass);

private:
    [[nodiscard]] Residual<T> take_residual(Pass const& pass, std::int64_t num_tokens) const;
    [[nodiscard]] Residual<T> entry_of(
        std::size_t block, std::size_t first_kept, std::int64_t num_tokens, Pass const& pass
    ) const;
    void begin_block(std::size_t block) { table_->begin_block(static_cast<std::int32_t>(block)); }
    void forward(std::size_t first_kept, Pass const& pass);
    void forward_block(std::size_t i, Keep keep, Pass const& pass);
    void backward(View<T, 2> dx, Pass const& pass);
    void backward_block(std::size_t i, View<T, 2> dx, Pass const& pass);

    ModelConfig const* config_;
    ParameterTable* table_;
    MpiComm const* world_;
    Activations activations_;
    Embedding<T> embedding_;
    std::vector<Block<T>> blocks_;
    Norm<T> final_norm_;
    MatrixParameter<T> head_;
    std::size_t lowest_trainable_;  ///< block; blocks_.size() when no block trains

    // Of the pass under way.
    std::vector<Residual<T>> entries_;  ///< [block] its input; the last is the head's
    std::vector<BlockActivations<T>> saved_;
    TransformerOutput output_;
    std::array<Residual<T>, 2> places_;  ///< of inputs that nobody looks at again, in turn
};

}  // namespace isogloss

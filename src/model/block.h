// model/block.h - one transformer block: norm, attention, norm, feed-forward, with their residuals.
#pragma once

#include <span>

#include "model/attention.h"
#include "model/norm.h"
#include "model/pass.h"
#include "moe/layer.h"

namespace isogloss {

/// The residual stream at a norm: what it is, and what the norm makes of it.
template <class T>
struct Residual {
    View<T, 2> x;          ///< [N, D]
    View<T, 2> normed;     ///< [N, D]
    LayerMoments moments;  ///< of the norm
};

template <class T>
struct BlockActivations {
    AttentionActivations<T> attention;
    Residual<T> middle;  ///< after attention
    MoeActivations<T> moe;
};

/// What all blocks of a pass share.
struct Pass {
    TokenLayout tokens;
    std::span<Routing const> routing;    ///< [layer]
    View<std::int32_t const, 1> token;   ///< [N]
    View<std::int32_t const, 1> target;  ///< [N] negative: not counted
    HiddenSums* hidden_sums = nullptr;   ///< that an observer wants, or null
    Optimizer* optimizer = nullptr;      ///< PassOptions::optimizer
    Arena* arena = nullptr;
    PhaseWatch* watch = nullptr;
};

/// How far down a block's backward pass must go.
enum class Backward : std::uint8_t {
    whole,         ///< to the block's input
    feed_forward,  ///< no further than the feed-forward: nothing below it trains
};

/// What a block's forward pass leaves for its backward pass.
enum class Keep : std::uint8_t { all, nothing };

///     m = x + attention(norm(x));  y = m + feed_forward(norm(m))
///
/// The last sum is left to the caller, who makes it together with the norm that follows. Forward
/// and backward are collective over the world where the layer has a router.
template <class T>
class Block {
public:
    /// Views of the layer's parameters in `table`, which must outlive the block.
    Block(
        ParameterTable const& table,
        ModelConfig const& config,
        std::int32_t layer,
        LayerPlacement const& placement,
        MpiComm const& world
    );

    [[nodiscard]] Norm<T> const& attention_norm() const { return attention_norm_; }

    /// y [N, D] out: feed_forward(norm(m)). Leaves `saved` in the arena; with Keep::nothing only
    /// saved.middle, for the sum.
    void forward(
        Residual<T> const& in,
        View<T, 2> y,
        Keep keep,
        BlockActivations<T>& saved,
        RoutingStats& stats,
        Pass const& pass
    );

    /// dx [N, D]: the gradient of the block's result; becomes that of its input.
    /// @param probs_slope  of the balance loss; empty for none
    void backward(
        Residual<T> const& in,
        BlockActivations<T> const& saved,
        std::span<float const> probs_slope,
        Backward depth,
        View<T, 2> dx,
        Pass const& pass
    );

private:
    /// Adds the directions of x, the feed-forward's input, to what an observer collects.
    void observe(View<T const, 2> x, Pass const& pass) const;

    std::size_t layer_;
    Norm<T> attention_norm_;
    AttentionWeights<T> attention_;
    Norm<T> ffn_norm_;
    MoeLayer<T> moe_;
};

}  // namespace isogloss

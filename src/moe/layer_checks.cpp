// moe/layer_checks.cpp
#include "moe/layer_checks.h"

#include <array>

#include "base/require.h"

namespace isogloss {
namespace {

template <class T>
void check_expert(MoeShape const& shape, ExpertWeights<T> const& weights) {
    std::array<std::int64_t, 2> const gate_up{shape.first(), shape.width};
    std::array<std::int64_t, 2> const down{shape.width, shape.hidden};
    require(
        weights.gate_up.shape == gate_up && weights.down.shape == down,
        "MoE layer: an expert of [{}, {}] and [{}, {}]; width {} and hidden {} want [{}, D] "
        "and [D, F]",
        weights.gate_up.shape[0], weights.gate_up.shape[1], weights.down.shape[0],
        weights.down.shape[1], shape.width, shape.hidden, is_gated(shape.feed_forward) ? "2F" : "F"
    );
    require(
        weights.gate_up_gradient.exists() == weights.down_gradient.exists(),
        "MoE layer: one half of an expert is frozen; freeze both or none"
    );
    require(
        !weights.has_bias() ||
            (weights.gate_up_bias.shape[0] == shape.first() &&
             weights.down_bias.shape[0] == shape.width &&
             (weights.down_bias_gradient.data != nullptr) == weights.is_trainable() &&
             (weights.gate_up_bias_gradient.data != nullptr) == weights.is_trainable()),
        "MoE layer: biases of {} and {} for matrices of {} and {} rows, or frozen otherwise than "
        "their matrices",
        weights.gate_up_bias.shape[0], weights.down_bias.shape[0], shape.first(), shape.width
    );
}

template <class T>
void check_shared_expert(
    MoeShape const& shape, std::int32_t experts, SharedExpertWeights<T> const& weights
) {
    require(
        weights.exists() == (shape.shared_hidden > 0) && (experts > 1 || !weights.exists()),
        "MoE layer: a shared expert of hidden width {} beside {} experts, and its weights are {}; "
        "it must have both and stand beside a router",
        shape.shared_hidden, experts, weights.exists() ? "there" : "not there"
    );
    if (!weights.exists()) {
        return;
    }
    auto its_shape = shape;
    its_shape.hidden = shape.shared_hidden;
    check_expert(its_shape, weights.expert);
    require(
        weights.gate.shape[0] == 1 && weights.gate.shape[1] == shape.width &&
            weights.kind == shape.feed_forward &&
            (weights.gate_gradient.data != nullptr) == weights.expert.is_trainable(),
        "MoE layer: the gate of the shared expert is [{}, {}] for width {}, or it is frozen "
        "otherwise than its expert",
        weights.gate.shape[0], weights.gate.shape[1], shape.width
    );
}

}  // namespace

template <class T>
void check_weights(
    MoeShape const& shape,
    LayerPlacement const& placement,
    MpiComm const& group,
    MoeWeights<T> const& weights
) {
    auto const held = placement.experts_of(group.rank()).size();
    require(
        weights.experts.size() == held,
        "MoE layer: weights of {} experts on rank {}, whose placement has {}",
        weights.experts.size(), group.rank(), held
    );
    for (auto const& expert : weights.experts) {
        check_expert(shape, expert);
    }
    auto const experts = placement.num_experts();
    require(
        experts == 1 ||
            (weights.router.shape[0] == experts && weights.router.shape[1] == shape.width),
        "MoE layer: a router of [{}, {}] for {} experts and width {}", weights.router.shape[0],
        weights.router.shape[1], experts, shape.width
    );
    auto const& classifier = weights.classifier;
    require(
        !classifier.exists() || (experts > 1 && classifier.weight.shape[0] == 2 &&
                                 classifier.weight.shape[1] == shape.width),
        "MoE layer: a classifier of [{}, {}] for {} experts and width {}; it must be [2, D], and "
        "there must be a router",
        classifier.weight.shape[0], classifier.weight.shape[1], experts, shape.width
    );
    check_shared_expert(shape, experts, weights.shared);
    require(
        experts > 1 || placement.is_local(group.size()),
        "MoE layer: the only expert of a layer must be on all {} ranks", group.size()
    );
}

template decltype(check_weights<float>) check_weights<float>;
template decltype(check_weights<bf16>) check_weights<bf16>;

}  // namespace isogloss

// model/config.cpp
#include "model/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace isogloss {
namespace {

using Problems = std::vector<std::string>;

void check_at_least_one(Problems& found, char const* key, std::int64_t value) {
    if (value < 1) {
        found.push_back(fmt::format("model.{} = {}: must be at least 1", key, value));
    }
}

void check_heads(Problems& found, ModelConfig const& config) {
    if (config.num_heads >= 1 && config.num_kv_heads >= 1 &&
        config.num_heads % config.num_kv_heads != 0) {
        found.push_back(fmt::format(
            "model.kv_heads = {}: must divide model.heads = {}", config.num_kv_heads,
            config.num_heads
        ));
    }
    if (config.family.position == PositionKind::rotary && config.head_width >= 1 &&
        config.head_width % 2 != 0) {
        found.push_back(fmt::format(
            "model.head_width = {}: must be even, rotary positions turn pairs", config.head_width
        ));
    }
}

void check_reals(Problems& found, ModelConfig const& config) {
    if (!(config.rope_theta > 1.0F) || !std::isfinite(config.rope_theta)) {
        found.push_back(
            fmt::format("model.rope_theta = {}: must be a number above 1", config.rope_theta)
        );
    }
    if (!(config.norm_epsilon > 0.0F) || !std::isfinite(config.norm_epsilon)) {
        found.push_back(
            fmt::format("model.norm_epsilon = {}: must be a number above 0", config.norm_epsilon)
        );
    }
    if (config.dtype == DType::i32) {
        found.emplace_back("model.dtype = i32: must be f32 or bf16");
    }
}

void check_rope_scaling(Problems& found, ModelConfig const& config) {
    auto const& scaling = config.rope_scaling;
    if (scaling.kind == RopeScalingKind::none) {
        return;
    }
    if (!(scaling.factor >= 1.0F) || !std::isfinite(scaling.factor)) {
        found.push_back(
            fmt::format("model.rope_factor = {}: must be a number from 1 up", scaling.factor)
        );
    }
    if (config.family.position != PositionKind::rotary) {
        found.push_back(fmt::format(
            "model.rope_scaling = {}: model.position = {} turns nothing; use none",
            name_of(scaling.kind), name_of(config.family.position)
        ));
    }
    if (scaling.kind != RopeScalingKind::llama3) {
        return;
    }
    if (!(scaling.low_frequency > 0.0F) || !(scaling.high_frequency > scaling.low_frequency) ||
        !std::isfinite(scaling.high_frequency)) {
        found.push_back(fmt::format(
            "model.rope_low_frequency = {}: must be above 0 and below model.rope_high_frequency = "
            "{}",
            scaling.low_frequency, scaling.high_frequency
        ));
    }
    check_at_least_one(found, "rope_original_positions", scaling.original_positions);
}

void check_classifier(Problems& found, LayerConfig const& layer, std::size_t i) {
    auto const classes = layer.classifier.classes;
    if (classes != 0 && classes != 2) {
        found.push_back(fmt::format(
            "layer {}: a classifier of {} classes; must have 2 (old and new languages), or 0 for "
            "no classifier",
            i, classes
        ));
    }
    if (classes != 0 && !layer.has_router()) {
        found.push_back(fmt::format(
            "layer {}: a classifier, but only one expert; a classifier chooses whether the router "
            "is asked, so give the layer experts or no classifier",
            i
        ));
    }
}

void check_shared_expert(Problems& found, LayerConfig const& layer, std::size_t i) {
    if (layer.shared_hidden < 0) {
        found.push_back(fmt::format(
            "layer {}: shared_expert_hidden = {}: must be at least 0 (0 is no shared expert)", i,
            layer.shared_hidden
        ));
    }
    if (layer.has_shared_expert() && !layer.has_router()) {
        found.push_back(fmt::format(
            "layer {}: shared_expert_hidden = {}, but only one expert, which all tokens share; a "
            "shared expert stands beside a router, so give the layer experts or none that is "
            "shared",
            i, layer.shared_hidden
        ));
    }
}

void check_layers(Problems& found, ModelConfig const& config) {
    if (config.layers.empty()) {
        found.emplace_back("model.layers = 0: must be at least 1");
    }
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
        auto const& experts = config.layers[i].experts;
        check_classifier(found, config.layers[i], i);
        check_shared_expert(found, config.layers[i], i);
        if (experts.empty()) {
            found.push_back(fmt::format(
                "model.experts = 0 in layer {}: must be at least 1 (1 is a dense layer)", i
            ));
        }
        for (std::size_t e = 0; e < experts.size(); ++e) {
            auto const parent = experts[e].parent;
            if (parent < -1 || parent >= static_cast<std::int32_t>(e)) {
                found.push_back(fmt::format(
                    "layer {}, expert {}: parent = {} must be an earlier expert of the layer, or "
                    "-1 for none",
                    i, e, parent
                ));
            }
            if (experts[e].generation < 0) {
                found.push_back(fmt::format(
                    "layer {}, expert {}: generation = {} must be at least 0", i, e,
                    experts[e].generation
                ));
            }
        }
    }
}

}  // namespace

std::int32_t ModelConfig::choices(std::int32_t layer) const {
    return std::min(top_k, layers.at(static_cast<std::size_t>(layer)).num_experts());
}

std::vector<std::int32_t> ModelConfig::experts_per_layer() const {
    std::vector<std::int32_t> counts;
    counts.reserve(layers.size());
    for (auto const& layer : layers) {
        counts.push_back(layer.num_experts());
    }
    return counts;
}

std::int32_t ModelConfig::newest_generation() const {
    std::int32_t newest = 0;
    for (auto const& layer : layers) {
        for (auto const& expert : layer.experts) {
            newest = std::max(newest, expert.generation);
        }
    }
    return newest;
}

std::int32_t ModelConfig::older_experts(std::int32_t layer) const {
    auto const newest = newest_generation();
    auto const& experts = layers.at(static_cast<std::size_t>(layer)).experts;
    if (newest == 0) {
        return static_cast<std::int32_t>(experts.size());
    }
    auto const first_new = std::ranges::find(experts, newest, &ExpertConfig::generation);
    return static_cast<std::int32_t>(first_new - experts.begin());
}

ModelConfig frozen(ModelConfig config) {
    config.backbone_trainable = false;
    config.routers_trainable = false;
    for (auto& layer : config.layers) {
        for (auto& expert : layer.experts) {
            expert.trainable = false;
        }
    }
    return config;
}

std::vector<std::string> problems(ModelConfig const& config) {
    Problems found;
    check_at_least_one(found, "vocab_size", config.vocab_size);
    check_at_least_one(found, "width", config.width);
    check_at_least_one(found, "heads", config.num_heads);
    check_at_least_one(found, "kv_heads", config.num_kv_heads);
    check_at_least_one(found, "head_width", config.head_width);
    check_at_least_one(found, "ffn_hidden", config.ffn_hidden);
    check_at_least_one(found, "top_k", config.top_k);
    check_at_least_one(found, "max_positions", config.max_positions);
    check_heads(found, config);
    check_reals(found, config);
    check_rope_scaling(found, config);
    check_layers(found, config);
    return found;
}

}  // namespace isogloss

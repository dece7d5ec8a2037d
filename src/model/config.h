// model/config.h - the numbers and the expert lists that fix a model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "device/view.h"
#include "kernels/rotary_frequency.h"
#include "model/family.h"
#include "moe/routing.h"

namespace isogloss {

/// One feed-forward of a layer. Its place in the list is its number, 0 first, and never changes.
struct ExpertConfig {
    std::int32_t generation = 0;  ///< 0: the base model; g: added by the g-th expansion
    std::int32_t parent = -1;     ///< expert of the same layer it was copied from; -1: none
    std::string group;      ///< languages it was added for, by comma, e.g. "el,hu,tr"; may be empty
    bool trainable = true;  ///< false: frozen

    bool operator==(ExpertConfig const&) const = default;
};

/// Tells, before the router, tokens of the base model's languages (class 0) from others (class 1):
/// LayerMoE, arXiv:2505.22582. It trains when routers train.
struct ClassifierConfig {
    std::int32_t classes = 0;  ///< 0: the layer has none; else 2
    ClassifierSpan span = ClassifierSpan::sequence;

    bool operator==(ClassifierConfig const&) const = default;
};

/// One transformer block. A dense feed-forward is a single expert: such a layer has no router.
struct LayerConfig {
    std::vector<ExpertConfig> experts{1};
    ClassifierConfig classifier;
    /// Fs of the layer's shared expert, which every token visits beside those that its router
    /// chooses: Qwen2-MoE, arXiv:2407.10671. 0: it has none. Growth adds none and takes none away.
    std::int64_t shared_hidden = 0;

    [[nodiscard]] std::int32_t num_experts() const {
        return static_cast<std::int32_t>(experts.size());
    }
    [[nodiscard]] bool has_router() const { return experts.size() > 1; }
    [[nodiscard]] bool has_classifier() const { return classifier.classes > 0; }
    [[nodiscard]] bool has_shared_expert() const { return shared_hidden > 0; }

    bool operator==(LayerConfig const&) const = default;
};

/// A decoder whose feed-forwards are mixtures of experts. Plain data; saved in every manifest.
struct ModelConfig {
    std::int64_t vocab_size = 0;        ///< V
    std::int64_t width = 512;           ///< D
    std::int64_t num_heads = 8;         ///< H, query heads
    std::int64_t num_kv_heads = 8;      ///< G, key and value heads; divides H
    std::int64_t head_width = 64;       ///< W, even
    std::int64_t ffn_hidden = 1376;     ///< F, hidden width of one expert
    std::int32_t top_k = 2;             ///< K, experts a token visits; at most all of a layer's
    std::int64_t max_positions = 4096;  ///< longest row
    float rope_theta = 10000.0F;
    RopeScaling rope_scaling;
    float norm_epsilon = 1e-5F;
    bool qkv_bias = false;
    bool tied_embeddings = false;
    GateScale gates = GateScale::renormalised;  ///< of the experts that routers choose
    Family family;                              ///< which kinds of norm, position and feed-forward
    bool backbone_trainable = true;  ///< embedding, attention, norms, shared experts, head
    bool routers_trainable = true;
    DType dtype = DType::f32;  ///< of weights and activations: f32 or bf16
    std::vector<LayerConfig> layers;

    [[nodiscard]] std::int32_t num_layers() const {
        return static_cast<std::int32_t>(layers.size());
    }
    /// Experts of layer `layer` that a token visits: min(K, experts).
    [[nodiscard]] std::int32_t choices(std::int32_t layer) const;
    [[nodiscard]] std::vector<std::int32_t> experts_per_layer() const;
    /// Highest generation of any expert: 0 in a model that never grew.
    [[nodiscard]] std::int32_t newest_generation() const;
    /// Experts of layer `layer` that are older than the newest generation: the first of its list.
    /// All of them in a model that never grew.
    [[nodiscard]] std::int32_t older_experts(std::int32_t layer) const;

    bool operator==(ModelConfig const&) const = default;
};

/// The same model with nothing that trains: no gradients are made for it.
ModelConfig frozen(ModelConfig config);

/// Every rule the config breaks, one sentence each, naming the key as the user writes it
/// ("model.width = 7: ..."). Empty means valid.
std::vector<std::string> problems(ModelConfig const& config);

}  // namespace isogloss

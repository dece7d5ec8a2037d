// checkpoint/hugging_face_names.cpp
#include "checkpoint/hugging_face_names.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/require.h"
#include "model/parameters.h"

namespace isogloss {
namespace {

using Shape = std::vector<std::int64_t>;

/// Names one layer's tensors after another.
class Names {
public:
    Names(ForeignForm form, ModelConfig const& config) : form_(form), config_(config) {
        for (auto const& spec : parameter_specs(config)) {
            shapes_.emplace(spec.name, spec.shape);
        }
    }

    std::vector<ForeignParameter> all();

private:
    /// The whole parameter under another name.
    void same(std::string const& name, std::string const& own) {
        auto const& shape = shapes_.at(own);
        list_.push_back({name, shape, {{own, 0, shape[0]}}});
    }
    void zeros(std::string const& name, Shape const& shape) {
        list_.push_back({name, shape, {{"", 0, shape[0]}}});
    }
    /// The same for NAME.weight and, where the model has it, NAME.bias.
    void with_bias(std::string const& name, std::string const& own) {
        same(name + ".weight", own + ".weight");
        if (shapes_.contains(own + ".bias")) {
            same(name + ".bias", own + ".bias");
        }
    }
    /// Some rows of a parameter, in any order.
    void rows(std::string const& name, std::vector<ParameterRows> const& from) {
        rows_of_shape(name, shapes_.at(from.front().parameter), from);
    }
    void rows_of_shape(
        std::string const& name, Shape shape, std::vector<ParameterRows> const& from
    ) {
        shape[0] = 0;
        for (auto const& part : from) {
            shape[0] += part.rows;
        }
        list_.push_back({name, shape, from});
    }

    void llama_like();
    void llama_attention(std::string const& name, std::string const& own);
    void llama_projection(
        std::string const& name, std::string const& own, std::int64_t first_head, std::int64_t heads
    );
    [[nodiscard]] std::vector<ParameterRows> head_rows(
        std::string const& own, std::int64_t head, std::string const& name
    ) const;
    void feed_forward(std::string const& layer, std::int32_t index);
    void routed(std::string const& layer, std::int32_t index);
    void gated(std::string const& name, std::string const& own);
    void shared_expert(std::string const& name, std::string const& own);
    void padded(std::string const& layer, std::int32_t index);
    void closed(std::string const& name);
    void bloom();
    void bloom_layer(std::string const& name, std::string const& own);
    void isogloss();

    ForeignForm form_;
    ModelConfig const& config_;
    std::map<std::string, Shape> shapes_;
    std::vector<ForeignParameter> list_;
};

std::vector<ForeignParameter> Names::all() {
    if (form_ == ForeignForm::isogloss) {
        isogloss();
    } else if (form_ == ForeignForm::bloom) {
        bloom();
    } else {
        llama_like();
    }
    return std::move(list_);
}

/// Names as they are here.
void Names::isogloss() {
    for (auto const& spec : parameter_specs(config_)) {
        same(spec.name, spec.name);
        list_.back().is_router = spec.part == Part::router;
    }
}

void Names::llama_like() {
    same("model.embed_tokens.weight", "embedding.weight");
    for (std::int32_t i = 0; i < config_.num_layers(); ++i) {
        auto const name = fmt::format("model.layers.{}.", i);
        auto const own = fmt::format("layers.{}.", i);
        same(name + "input_layernorm.weight", own + "attention_norm.weight");
        llama_attention(name + "self_attn.", own + "attention.");
        same(name + "post_attention_layernorm.weight", own + "ffn_norm.weight");
        feed_forward(name, i);
    }
    same("model.norm.weight", "final_norm.weight");
    if (!config_.tied_embeddings) {
        same("lm_head.weight", "head.weight");
    }
    if (form_ == ForeignForm::ernie4_5_moe && config_.qkv_bias) {
        zeros("lm_head.bias", {config_.vocab_size});
    }
}

/// Rows of one head. Ernie turns neighbours (2i, 2i + 1) where others turn (i, i + W/2), so its
/// queries and keys have their rows in that order; their products are the same.
std::vector<ParameterRows> Names::head_rows(
    std::string const& own, std::int64_t head, std::string const& name
) const {
    auto const width = config_.head_width;
    auto const first = head * width;
    if (form_ != ForeignForm::ernie4_5_moe || name.ends_with("v_proj")) {
        return {{own, first, width}};
    }
    std::vector<ParameterRows> pairs;
    for (std::int64_t i = 0; i < width / 2; ++i) {
        pairs.push_back({own, first + i, 1});
        pairs.push_back({own, first + i + width / 2, 1});
    }
    return pairs;
}

void Names::llama_projection(
    std::string const& name, std::string const& own, std::int64_t first_head, std::int64_t heads
) {
    for (auto const* kind : {".weight", ".bias"}) {
        if (!shapes_.contains(own + kind)) {
            continue;
        }
        std::vector<ParameterRows> from;
        for (std::int64_t h = first_head; h < first_head + heads; ++h) {
            std::ranges::copy(head_rows(own + kind, h, name), std::back_inserter(from));
        }
        rows(name + kind, from);
    }
}

void Names::llama_attention(std::string const& name, std::string const& own) {
    auto const queries = config_.num_heads;
    auto const keys = config_.num_kv_heads;
    llama_projection(name + "q_proj", own + "qkv", 0, queries);
    llama_projection(name + "k_proj", own + "qkv", queries, keys);
    llama_projection(name + "v_proj", own + "qkv", queries + keys, keys);
    with_bias(name + "o_proj", own + "output");
    if (form_ == ForeignForm::ernie4_5_moe && config_.qkv_bias) {
        zeros(name + "o_proj.bias", {config_.width});  // there, one switch is for all biases
    }
    if (config_.family.qk_norm) {
        same(name + "q_norm.weight", own + "q_norm.weight");
        same(name + "k_norm.weight", own + "k_norm.weight");
    }
}

/// gate and up of `own`, and its down, by their usual names.
void Names::gated(std::string const& name, std::string const& own) {
    auto const hidden = shapes_.at(own + "down.weight")[1];
    bool const is_mixtral = name.find("block_sparse_moe") != std::string::npos;
    rows(
        name + (is_mixtral ? "w1" : "gate_proj") + ".weight", {{own + "gate_up.weight", 0, hidden}}
    );
    rows(
        name + (is_mixtral ? "w3" : "up_proj") + ".weight",
        {{own + "gate_up.weight", hidden, hidden}}
    );
    same(name + (is_mixtral ? "w2" : "down_proj") + ".weight", own + "down.weight");
}

void Names::feed_forward(std::string const& layer, std::int32_t index) {
    if (form_ == ForeignForm::ernie4_5_moe) {
        padded(layer + "mlp.", index);
    } else if (config_.layers[static_cast<std::size_t>(index)].has_router()) {
        routed(layer, index);
    } else {
        gated(layer + "mlp.", fmt::format("layers.{}.experts.0.", index));
    }
}

void Names::routed(std::string const& layer, std::int32_t index) {
    auto const name = layer + (form_ == ForeignForm::mixtral ? "block_sparse_moe." : "mlp.");
    auto const own = fmt::format("layers.{}.", index);
    same(name + "gate.weight", own + "router.weight");
    list_.back().is_router = true;
    auto const experts = config_.layers[static_cast<std::size_t>(index)].num_experts();
    for (std::int32_t e = 0; e < experts; ++e) {
        gated(fmt::format("{}experts.{}.", name, e), fmt::format("{}experts.{}.", own, e));
    }
    if (form_ == ForeignForm::qwen2_moe) {
        shared_expert(name, own);
    }
}

/// The layer's own, or one whose output is 0: qwen2_moe has no routed layer without.
void Names::shared_expert(std::string const& name, std::string const& own) {
    if (shapes_.contains(own + "shared_expert.gate.weight")) {
        gated(name + "shared_expert.", own + "shared_expert.");
        same(name + "shared_expert_gate.weight", own + "shared_expert.gate.weight");
        return;
    }
    auto const width = config_.width;
    auto const hidden = foreign_shared_hidden(config_);
    zeros(name + "shared_expert.gate_proj.weight", {hidden, width});
    zeros(name + "shared_expert.up_proj.weight", {hidden, width});
    zeros(name + "shared_expert.down_proj.weight", {width, hidden});
    zeros(name + "shared_expert_gate.weight", {1, width});
}

void Names::closed(std::string const& name) {
    zeros(name + "gate_proj.weight", {config_.ffn_hidden, config_.width});
    zeros(name + "up_proj.weight", {config_.ffn_hidden, config_.width});
    zeros(name + "down_proj.weight", {config_.width, config_.ffn_hidden});
}

void Names::padded(std::string const& layer, std::int32_t index) {
    constexpr float kClosed = -2.0F;  // beside probabilities, which lie in [0, 1]
    auto const counts = config_.experts_per_layer();
    auto const all = *std::ranges::max_element(counts);
    auto const own_experts = counts[static_cast<std::size_t>(index)];
    bool const is_dense = own_experts == 1;
    auto const open = is_dense ? config_.top_k : own_experts;
    auto const own = fmt::format("layers.{}.", index);

    std::vector<ParameterRows> router;
    if (!is_dense) {
        router.push_back({own + "router.weight", 0, own_experts});
    }
    router.push_back({"", 0, all - (is_dense ? 0 : own_experts)});
    rows_of_shape(layer + "gate.weight", {all, config_.width}, router);
    list_.back().is_router = true;
    std::vector<float> bias(static_cast<std::size_t>(all), kClosed);
    std::fill_n(bias.begin(), open, 0.0F);
    list_.push_back({layer + "moe_statics.e_score_correction_bias", {1, all}, {}, true, bias});
    for (std::int32_t e = 0; e < all; ++e) {
        auto const name = fmt::format("{}experts.{}.", layer, e);
        e < open ? gated(name, fmt::format("{}experts.{}.", own, is_dense ? 0 : e)) : closed(name);
    }
}

void Names::bloom() {
    same("transformer.word_embeddings.weight", "embedding.weight");
    with_bias("transformer.word_embeddings_layernorm", "embedding_norm");
    for (std::int32_t i = 0; i < config_.num_layers(); ++i) {
        bloom_layer(fmt::format("transformer.h.{}.", i), fmt::format("layers.{}.", i));
    }
    with_bias("transformer.ln_f", "final_norm");
    if (!config_.tied_embeddings) {
        same("lm_head.weight", "head.weight");
    }
}

/// Bloom has query, key and value of a head side by side.
void Names::bloom_layer(std::string const& name, std::string const& own) {
    auto const width = config_.head_width;
    auto const heads = config_.num_heads;
    with_bias(name + "input_layernorm", own + "attention_norm");
    for (auto const* kind : {".weight", ".bias"}) {
        std::vector<ParameterRows> from;
        for (std::int64_t h = 0; h < heads; ++h) {
            for (std::int64_t part = 0; part < 3; ++part) {
                from.push_back({own + "attention.qkv" + kind, (part * heads + h) * width, width});
            }
        }
        rows(name + "self_attention.query_key_value" + kind, from);
    }
    with_bias(name + "self_attention.dense", own + "attention.output");
    with_bias(name + "post_attention_layernorm", own + "ffn_norm");
    with_bias(name + "mlp.dense_h_to_4h", own + "experts.0.up");
    with_bias(name + "mlp.dense_4h_to_h", own + "experts.0.down");
}

}  // namespace

bool ForeignParameter::is_part_of_model() const {
    return std::ranges::any_of(from, [](auto const& part) { return !part.parameter.empty(); });
}

std::vector<ForeignParameter> foreign_parameters(ForeignForm form, ModelConfig const& config) {
    return Names(form, config).all();
}

std::map<std::string, std::vector<ForeignRows>> sources_of_parameters(
    std::vector<ForeignParameter> const& foreign, ModelConfig const& config
) {
    std::map<std::string, std::vector<ForeignRows>> sources;
    for (auto const& tensor : foreign) {
        std::int64_t row = 0;
        for (auto const& part : tensor.from) {
            if (!part.parameter.empty()) {
                sources[part.parameter].push_back({tensor.name, row, part.first, part.rows});
            }
            row += part.rows;
        }
    }
    for (auto const& spec : parameter_specs(config)) {
        auto& rows = sources[spec.name];
        std::ranges::sort(rows, {}, &ForeignRows::own_first);
        std::int64_t filled = 0;
        for (auto const& part : rows) {
            require(part.own_first == filled, "{}: row {} is not filled once", spec.name, filled);
            filled += part.rows;
        }
        require(filled == spec.shape.at(0), "{}: {} rows are filled", spec.name, filled);
    }
    return sources;
}

std::string without_base_prefix(std::string const& name) {
    for (std::string_view const prefix : {"model.", "transformer."}) {
        if (name.starts_with(prefix)) {
            return name.substr(prefix.size());
        }
    }
    return name;
}

}  // namespace isogloss

// checkpoint/hugging_face_config_json.cpp
#include "checkpoint/hugging_face_config_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/require.h"
#include "checkpoint/config_json.h"

namespace isogloss {
namespace {

char const* architecture_of(ForeignForm form) {
    switch (form) {
        case ForeignForm::llama: return "LlamaForCausalLM";
        case ForeignForm::mistral: return "MistralForCausalLM";
        case ForeignForm::qwen2: return "Qwen2ForCausalLM";
        case ForeignForm::qwen3: return "Qwen3ForCausalLM";
        case ForeignForm::gemma: return "GemmaForCausalLM";
        case ForeignForm::bloom: return "BloomForCausalLM";
        case ForeignForm::mixtral: return "MixtralForCausalLM";
        case ForeignForm::qwen2_moe: return "Qwen2MoeForCausalLM";
        case ForeignForm::qwen3_moe: return "Qwen3MoeForCausalLM";
        case ForeignForm::ernie4_5_moe: return "Ernie4_5_MoeForCausalLM";
        case ForeignForm::isogloss: return "IsoglossForCausalLM";
    }
    return "";
}

/// The shortest decimal that is read back as this float: 1e-06, not 9.999999974752427e-07.
double decimal(float value) {
    return std::stod(fmt::format("{}", value));
}

Json rope_scaling(RopeScaling const& scaling) {
    if (scaling.kind == RopeScalingKind::none) {
        return nullptr;
    }
    Json json{{"rope_type", name_of(scaling.kind)}, {"factor", decimal(scaling.factor)}};
    if (scaling.kind == RopeScalingKind::llama3) {
        json["low_freq_factor"] = decimal(scaling.low_frequency);
        json["high_freq_factor"] = decimal(scaling.high_frequency);
        json["original_max_position_embeddings"] = scaling.original_positions;
    }
    return json;
}

Json common(ForeignForm form, ModelConfig const& config) {
    return {
        {"architectures", {architecture_of(form)}},
        {"model_type", name_of(form)},
        {"vocab_size", config.vocab_size},
        {"hidden_size", config.width},
        {"tie_word_embeddings", config.tied_embeddings},
        {"torch_dtype", config.dtype == DType::bf16 ? "bfloat16" : "float32"},
        {"use_cache", true}};
}

Json bloom(ModelConfig const& config) {
    auto json = common(ForeignForm::bloom, config);
    json["n_layer"] = config.num_layers();
    json["n_head"] = config.num_heads;
    json["layer_norm_epsilon"] = decimal(config.norm_epsilon);
    json["seq_length"] = config.max_positions;
    json["apply_residual_connection_post_layernorm"] = false;
    json["attention_dropout"] = 0.0;
    json["hidden_dropout"] = 0.0;
    return json;
}

std::int32_t most_experts(ModelConfig const& config) {
    auto const counts = config.experts_per_layer();
    return *std::ranges::max_element(counts);
}

void add_qwen_experts(Json& json, ForeignForm form, ModelConfig const& config) {
    auto dense = Json::array();
    for (std::int32_t i = 0; i < config.num_layers(); ++i) {
        if (!config.layers[static_cast<std::size_t>(i)].has_router()) {
            dense.push_back(i);
        }
    }
    json["num_experts"] = most_experts(config);
    json["num_experts_per_tok"] = config.top_k;
    json["moe_intermediate_size"] = config.ffn_hidden;
    json["mlp_only_layers"] = dense;
    json["decoder_sparse_step"] = 1;
    json["norm_topk_prob"] = config.gates == GateScale::renormalised;
    if (form == ForeignForm::qwen2_moe) {
        json["shared_expert_intermediate_size"] = foreign_shared_hidden(config);
        json["qkv_bias"] = config.qkv_bias;
    }
}

void add_ernie_experts(Json& json, ModelConfig const& config) {
    json["moe_num_experts"] = most_experts(config);
    json["moe_k"] = config.top_k;
    json["moe_intermediate_size"] = config.ffn_hidden;
    json["moe_num_shared_experts"] = 0;
    json["moe_layer_start_index"] = 0;
    json["moe_layer_end_index"] = config.num_layers() - 1;
    json["moe_layer_interval"] = 1;
    json["moe_norm_min"] = 0.0;
    json["use_bias"] = config.qkv_bias;
}

void add_experts(Json& json, ForeignForm form, ModelConfig const& config) {
    if (form == ForeignForm::mixtral) {
        json["num_local_experts"] = most_experts(config);
        json["num_experts_per_tok"] = config.top_k;
    } else if (form == ForeignForm::qwen2_moe || form == ForeignForm::qwen3_moe) {
        add_qwen_experts(json, form, config);
    } else if (form == ForeignForm::ernie4_5_moe) {
        add_ernie_experts(json, config);
    }
}

Json llama_like(ForeignForm form, ModelConfig const& config) {
    auto json = common(form, config);
    json["intermediate_size"] = config.ffn_hidden;
    json["num_hidden_layers"] = config.num_layers();
    json["num_attention_heads"] = config.num_heads;
    json["num_key_value_heads"] = config.num_kv_heads;
    if (form != ForeignForm::ernie4_5_moe) {  // whose heads are width / heads
        json["head_dim"] = config.head_width;
    }
    json["hidden_act"] = form == ForeignForm::gemma ? "gelu_pytorch_tanh" : "silu";
    json["max_position_embeddings"] = config.max_positions;
    json["rms_norm_eps"] = decimal(config.norm_epsilon);
    json["rope_theta"] = decimal(config.rope_theta);
    json["rope_scaling"] = rope_scaling(config.rope_scaling);
    json["attention_dropout"] = 0.0;
    if (form != ForeignForm::gemma) {
        json["sliding_window"] = nullptr;
        json["use_sliding_window"] = false;
    }
    add_experts(json, form, config);
    return json;
}

/// The model as a manifest says it, for the modelling file.
Json own(ModelConfig const& config) {
    auto json = common(ForeignForm::isogloss, config);
    json["tie_word_embeddings"] = false;  // the modelling file reads its own field below
    json["num_hidden_layers"] = config.num_layers();
    json["num_attention_heads"] = config.num_heads;
    json["num_key_value_heads"] = config.num_kv_heads;
    json["head_dim"] = config.head_width;
    json["max_position_embeddings"] = config.max_positions;
    json["auto_map"] = {
        {"AutoConfig", "configuration_isogloss.IsoglossConfig"},
        {"AutoModelForCausalLM", "modeling_isogloss.IsoglossForCausalLM"}};
    json["isogloss"] = config_to_json(config);
    return json;
}

}  // namespace

Json hugging_face_config(ForeignForm form, ModelConfig const& config) {
    require(obstacles(form, config).empty(), "{} cannot say this model", name_of(form));
    if (form == ForeignForm::isogloss) {
        return own(config);
    }
    return form == ForeignForm::bloom ? bloom(config) : llama_like(form, config);
}

}  // namespace isogloss

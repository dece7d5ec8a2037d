// checkpoint/hugging_face_config.cpp
#include "checkpoint/hugging_face_config.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/require.h"
#include "checkpoint/hugging_face_fields.h"

namespace isogloss {
namespace {

constexpr std::int64_t kMostVocabulary = std::int64_t{1} << 31;
constexpr std::int64_t kMostLayers = 1 << 14;
constexpr std::int64_t kMostExperts = 1 << 20;  // of all layers

bool is_gemma(ForeignForm form) {
    return form == ForeignForm::gemma;
}
bool has_qk_norm(ForeignForm form) {
    return form == ForeignForm::qwen3 || form == ForeignForm::qwen3_moe;
}
bool is_routed(ForeignForm form) {
    return form == ForeignForm::mixtral || form == ForeignForm::qwen2_moe ||
           form == ForeignForm::qwen3_moe;
}

/// Numbers of "rope_scaling" or of "rope_parameters", which came with version 5.
void read_rope_numbers(
    Json const& json, std::string const& where, ModelConfig& config, FaultList& faults
) {
    if (!json.is_object()) {
        faults.add("\"{}\" = {}: must be an object", where, ConfigFields::text(json));
        return;
    }
    ConfigFields fields(json, faults);
    auto const* type = fields.find("rope_type");
    auto const* old_type = fields.find("type");
    auto const kind = type != nullptr ? *type : old_type != nullptr ? *old_type : Json("default");
    auto& scaling = config.rope_scaling;
    config.rope_theta = fields.real("rope_theta", config.rope_theta);
    fields.must_be(
        "partial_rotary_factor", 1.0, 1.0,
        "all of a head is turned, or the model is "
        "another"
    );
    if (kind == "linear" || kind == "llama3") {
        scaling.kind = kind == "linear" ? RopeScalingKind::linear : RopeScalingKind::llama3;
        scaling.factor = fields.real("factor", 1.0F);
    } else if (kind != "default") {
        faults.add(
            "\"{}\": rope_type {} is not built; default, linear and llama3 are", where,
            ConfigFields::text(kind)
        );
    }
    if (kind == "llama3") {
        scaling.low_frequency = fields.real("low_freq_factor", 1.0F);
        scaling.high_frequency = fields.real("high_freq_factor", 4.0F);
        scaling.original_positions =
            fields.integer("original_max_position_embeddings", 8192, kMostVocabulary);
    }
    std::vector<std::string> ignored;
    if (kind == "default" || kind == "linear" || kind == "llama3") {
        fields.account_for_rest({}, ignored);
    }
}

void read_rope(ConfigFields& fields, ForeignForm form, ModelConfig& config, FaultList& faults) {
    config.rope_theta =
        fields.real("rope_theta", form == ForeignForm::mixtral ? 1000000.0F : 10000.0F);
    for (auto const* key : {"rope_scaling", "rope_parameters"}) {
        if (auto const* value = fields.find(key); value != nullptr) {
            read_rope_numbers(*value, key, config, faults);
        }
    }
}

/// The window that attention looks back over, null where there is none. Of a file that does not
/// say, that of the library's class.
Json window_of(ConfigFields& fields, ForeignForm form) {
    constexpr int kUsual = 4096;
    bool const has_switch = form != ForeignForm::mistral && form != ForeignForm::mixtral;
    bool const is_on = fields.flag("use_sliding_window", false) || !has_switch;
    bool const is_said = fields.is_said("sliding_window");
    auto const* window = fields.find("sliding_window");
    if (!is_on || (is_said && window == nullptr)) {
        return nullptr;
    }
    return is_said ? *window : form == ForeignForm::mixtral ? Json() : Json(kUsual);
}

/// Attention that looks back over a window only is not built.
void check_window(ConfigFields& fields, ForeignForm form, ModelConfig const& config) {
    auto const window = window_of(fields, form);
    bool const is_wide = JsonFields::is_integer(window) && window >= config.max_positions;
    if (!window.is_null() && !is_wide) {
        fields.fault(fmt::format(
            "\"sliding_window\" = {}: attention over a window is not built; where "
            "max_position_embeddings (here {}) is not above it, it has no effect",
            ConfigFields::text(window), config.max_positions
        ));
        return;
    }
    auto const* types = fields.find("layer_types");
    for (auto const& type : types != nullptr && types->is_array() ? *types : Json::array()) {
        if (type != "full_attention" && !(is_wide && type == "sliding_attention")) {
            fields.fault(fmt::format(
                "\"layer_types\" has {}; only full_attention is built, or a window as wide as all "
                "positions",
                ConfigFields::text(type)
            ));
            return;
        }
    }
}

/// Which layers are routed, and their experts.
void read_experts(ConfigFields& fields, ForeignForm form, ForeignModel& model) {
    auto& config = model.config;
    bool const is_mixtral = form == ForeignForm::mixtral;
    auto const* count =
        is_mixtral || !fields.has("num_experts") ? "num_local_experts" : "num_experts";
    // Few enough that a list of them all costs nothing.
    auto const most = kMostExperts / std::max(config.num_layers(), 1);
    auto const experts = fields.integer(count, std::nullopt, most);
    if (experts < 2) {
        fields.fault(fmt::format("\"{}\" = {}: a router needs two at least", count, experts));
    }
    config.top_k =
        static_cast<std::int32_t>(fields.integer("num_experts_per_tok", std::nullopt, 1 << 16));
    auto const step = is_mixtral ? 1 : fields.integer("decoder_sparse_step", 1);
    auto const* dense = is_mixtral ? nullptr : fields.find("mlp_only_layers");
    std::int64_t num_dense = 0;
    for (std::int32_t i = 0; i < config.num_layers(); ++i) {
        bool const is_dense = (i + 1) % step != 0 || (dense != nullptr && dense->is_array() &&
                                                      std::ranges::count(*dense, Json(i)) > 0);
        num_dense += is_dense ? 1 : 0;
        config.layers[static_cast<std::size_t>(i)].experts.resize(
            is_dense ? 1 : static_cast<std::size_t>(std::max<std::int64_t>(experts, 1))
        );
    }
    if (is_mixtral) {
        return;
    }
    auto const hidden = fields.integer("moe_intermediate_size", std::nullopt);
    if (num_dense > 0 && hidden != config.ffn_hidden) {
        fields.fault(fmt::format(
            "{} layers are dense with \"intermediate_size\" = {} and experts have "
            "\"moe_intermediate_size\" = {}: one width for all is built",
            num_dense, config.ffn_hidden, hidden
        ));
    }
    config.ffn_hidden = hidden;
    config.gates =
        fields.flag("norm_topk_prob", false) ? GateScale::renormalised : GateScale::probabilities;
    if (form == ForeignForm::qwen2_moe) {
        auto const shared = fields.integer("shared_expert_intermediate_size", 5632);
        for (auto& layer : config.layers) {
            layer.shared_hidden = layer.has_router() ? shared : 0;
        }
    }
}

void read_feed_forward(ConfigFields& fields, ForeignForm form, ForeignModel& model) {
    auto& config = model.config;
    config.ffn_hidden = fields.integer("intermediate_size", std::nullopt);
    if (is_gemma(form)) {
        // Both are the tanh form: the first files said "gelu" and did not mean it.
        auto const* key = fields.has("hidden_activation") ? "hidden_activation" : "hidden_act";
        auto const* value = fields.find(key);
        static_cast<void>(fields.find("hidden_act"));
        if (value != nullptr && *value != "gelu" && *value != "gelu_pytorch_tanh") {
            fields.fault(fmt::format(
                "\"{}\" = {}: gelu_pytorch_tanh is built", key, ConfigFields::text(*value)
            ));
        }
        config.family.feed_forward = FeedForwardKind::geglu;
    } else {
        fields.must_be("hidden_act", "silu", "silu", "silu is built for this model_type");
    }
    if (is_routed(form)) {
        read_experts(fields, form, model);
    }
}

/// Every form but Bloom's.
void read_llama_like(
    ConfigFields& fields, ForeignForm form, ForeignModel& model, FaultList& faults
) {
    auto& config = model.config;
    bool const must_say = form != ForeignForm::llama;
    config.width = fields.integer("hidden_size", std::nullopt);
    config.num_heads = fields.integer("num_attention_heads", std::nullopt);
    config.num_kv_heads = fields.integer(
        "num_key_value_heads", must_say ? std::nullopt : std::optional(config.num_heads)
    );
    auto const usual = config.width / config.num_heads;
    config.head_width = fields.integer(
        "head_dim", form == ForeignForm::qwen3 ? 128
                    : is_gemma(form)           ? 256
                                               : usual
    );
    config.max_positions = fields.integer("max_position_embeddings", std::nullopt, kMostVocabulary);
    config.norm_epsilon = fields.real("rms_norm_eps", form == ForeignForm::mixtral ? 1e-5F : 1e-6F);
    config.tied_embeddings = fields.flag("tie_word_embeddings", is_gemma(form));
    config.qkv_bias = form == ForeignForm::qwen2 ||
                      (form == ForeignForm::qwen2_moe && fields.flag("qkv_bias", true));
    config.family.qk_norm = has_qk_norm(form);
    if (is_gemma(form)) {
        config.family.norm = NormKind::rms_offset;
        config.family.embedding_scale = true;
    }
    auto const layers = fields.integer("num_hidden_layers", std::nullopt, kMostLayers);
    config.layers.resize(static_cast<std::size_t>(layers));
    fields.must_be(
        "attention_bias", false, false, "biases of all four projections of attention are not built"
    );
    fields.must_be("mlp_bias", false, false, "biases of the feed-forward are not built with it");
    fields.must_be("use_bidirectional_attention", false, false, "attention is causal");
    fields.must_be("use_mrope", false, false, "positions have one part");
    read_rope(fields, form, config, faults);
    check_window(fields, form, config);
    read_feed_forward(fields, form, model);
}

void read_bloom(ConfigFields& fields, ForeignModel& model) {
    auto& config = model.config;
    auto const number = [&](char const* name, char const* other, std::int64_t most) {
        return fields.integer(fields.has(name) ? name : other, std::nullopt, most);
    };
    config.width = number("n_embed", "hidden_size", kMostExtent / 4);
    config.num_heads = number("n_head", "num_attention_heads", kMostExtent);
    config.layers.resize(
        static_cast<std::size_t>(number("n_layer", "num_hidden_layers", kMostLayers))
    );
    config.num_kv_heads = config.num_heads;
    config.head_width = std::max<std::int64_t>(1, config.width / config.num_heads);
    config.ffn_hidden = 4 * config.width;
    // Slopes of positions have no end; this is how long the model's own rows were.
    config.max_positions = fields.integer("seq_length", 2048, kMostVocabulary);
    config.norm_epsilon = fields.real("layer_norm_epsilon", 1e-5F);
    config.tied_embeddings = fields.flag("tie_word_embeddings", true);
    config.qkv_bias = true;
    config.family = {
        .norm = NormKind::layer,
        .position = PositionKind::alibi,
        .feed_forward = FeedForwardKind::gelu,
        .embedding_norm = true,
        .linear_bias = true};
    fields.must_be(
        "apply_residual_connection_post_layernorm", false, false,
        "a residual after the norm is not built"
    );
    fields.must_be("n_inner", config.ffn_hidden, config.ffn_hidden, "is four times the width");
}

ForeignForm form_of(Json const& json, std::string const& source) {
    auto const kind = json.is_object() ? json.value("model_type", Json()) : Json();
    auto const form = foreign_form(kind.is_string() ? kind.get<std::string>() : std::string());
    if (!form || *form == ForeignForm::isogloss || *form == ForeignForm::ernie4_5_moe) {
        fail(
            Exit::data,
            "{}: \"model_type\" = {}: llama, mistral, qwen2, qwen3, gemma, bloom, mixtral, "
            "qwen2_moe and qwen3_moe are read",
            source, ConfigFields::text(kind)
        );
    }
    return *form;
}

}  // namespace

ForeignModel parse_hugging_face_config(
    Json const& json, std::vector<std::string> const& waved_through, std::string const& source
) {
    ForeignModel model;
    model.form = form_of(json, source);
    model.kind = name_of(model.form);
    FaultList faults(source);
    ConfigFields fields(json, faults);
    static_cast<void>(fields.has("model_type"));
    model.config.vocab_size = fields.integer("vocab_size", std::nullopt, kMostVocabulary);
    if (model.form == ForeignForm::bloom) {
        read_bloom(fields, model);
    } else {
        read_llama_like(fields, model.form, model, faults);
    }
    fields.account_for_rest(waved_through, model.ignored);
    faults.throw_if_any();
    for (auto const& problem : problems(model.config)) {
        faults.add("{}", problem);
    }
    faults.throw_if_any();
    return model;
}

}  // namespace isogloss

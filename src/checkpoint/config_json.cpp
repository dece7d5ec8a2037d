// checkpoint/config_json.cpp
#include "checkpoint/config_json.h"

#include <fmt/format.h>

#include <initializer_list>

#include "checkpoint/json_fields.h"

namespace isogloss {
namespace {

// Far above any model, and low enough that the elements of a tensor can be counted.
constexpr std::int64_t kMostRows = std::int64_t{1} << 32;
constexpr std::int64_t kMostColumns = std::int64_t{1} << 24;
constexpr std::int64_t kMostHeads = std::int64_t{1} << 16;

/// What came later is written where it is switched on, so that older models look as they always
/// did; what is absent is off.
Json family_to_json(Family const& family) {
    Json json{
        {"norm", name_of(family.norm)},
        {"position", name_of(family.position)},
        {"feed_forward", name_of(family.feed_forward)},
        {"embedding_norm", family.embedding_norm},
        {"linear_bias", family.linear_bias}};
    if (family.qk_norm) {
        json["qk_norm"] = true;
    }
    if (family.embedding_scale) {
        json["embedding_scale"] = true;
    }
    return json;
}

/// Reads one of the kinds of a switch by its name.
template <class Kind>
void read_kind(
    JsonFields& fields, char const* key, Kind& target, std::initializer_list<Kind> kinds
) {
    std::string name = name_of(target);
    fields.read(key, name);
    std::vector<std::string> names;
    for (auto const kind : kinds) {
        names.emplace_back(name_of(kind));
        if (name == names.back()) {
            target = kind;
            return;
        }
    }
    fields.fault(
        fmt::format("\"{}\" = \"{}\": must be one of {}", key, name, fmt::join(names, ", "))
    );
}

void read_if_there(JsonFields& fields, Json const& object, char const* key, bool& target) {
    if (object.is_object() && object.contains(key)) {
        fields.read(key, target);
    }
}

/// Llama's where the manifest has no "family".
Family family_from_json(
    Json const& model, std::string const& where, std::vector<std::string>& faults
) {
    Family family;
    if (!model.is_object() || !model.contains("family")) {
        return family;
    }
    auto const& object = model["family"];
    JsonFields fields(object, where + ".family", faults);
    read_kind(fields, "norm", family.norm, {NormKind::rms, NormKind::rms_offset, NormKind::layer});
    read_kind(fields, "position", family.position, {PositionKind::rotary, PositionKind::alibi});
    read_kind(
        fields, "feed_forward", family.feed_forward,
        {FeedForwardKind::swiglu, FeedForwardKind::geglu, FeedForwardKind::gelu}
    );
    fields.read("embedding_norm", family.embedding_norm);
    fields.read("linear_bias", family.linear_bias);
    read_if_there(fields, object, "qk_norm", family.qk_norm);
    read_if_there(fields, object, "embedding_scale", family.embedding_scale);
    return family;
}

Json rope_scaling_to_json(RopeScaling const& scaling) {
    Json json{{"kind", name_of(scaling.kind)}, {"factor", scaling.factor}};
    if (scaling.kind == RopeScalingKind::llama3) {
        json["low_frequency"] = scaling.low_frequency;
        json["high_frequency"] = scaling.high_frequency;
        json["original_positions"] = scaling.original_positions;
    }
    return json;
}

/// None where the manifest has no "rope_scaling".
RopeScaling rope_scaling_from_json(
    Json const& model, std::string const& where, std::vector<std::string>& faults
) {
    RopeScaling scaling;
    if (!model.is_object() || !model.contains("rope_scaling")) {
        return scaling;
    }
    JsonFields fields(model["rope_scaling"], where + ".rope_scaling", faults);
    read_kind(
        fields, "kind", scaling.kind,
        {RopeScalingKind::none, RopeScalingKind::linear, RopeScalingKind::llama3}
    );
    fields.read("factor", scaling.factor);
    if (scaling.kind == RopeScalingKind::llama3) {
        fields.read("low_frequency", scaling.low_frequency);
        fields.read("high_frequency", scaling.high_frequency);
        fields.read("original_positions", scaling.original_positions, 1);
    }
    return scaling;
}

Json expert_to_json(ExpertConfig const& expert, std::int32_t id) {
    return Json{
        {"id", id},
        {"generation", expert.generation},
        {"parent", expert.parent},
        {"group", expert.group},
        {"trainable", expert.trainable}};
}

ExpertConfig expert_from_json(
    Json const& value,
    std::int32_t place,
    std::string const& where,
    std::vector<std::string>& faults
) {
    JsonFields fields(value, where, faults);
    ExpertConfig expert;
    std::int32_t id = place;
    fields.read("id", id);
    if (id != place) {
        fields.fault(fmt::format("\"id\" = {}: must be its place in the list, {}", id, place));
    }
    fields.read("generation", expert.generation);
    fields.read("parent", expert.parent, -1);
    fields.read("group", expert.group);
    fields.read("trainable", expert.trainable);
    return expert;
}

ClassifierConfig classifier_from_json(
    Json const& value, std::string const& where, std::vector<std::string>& faults
) {
    JsonFields fields(value, where, faults);
    ClassifierConfig classifier;
    fields.read("classes", classifier.classes, 1);
    std::string span = name_of(classifier.span);
    fields.read("span", span);
    if (span != name_of(ClassifierSpan::sequence) && span != name_of(ClassifierSpan::token)) {
        fields.fault(fmt::format("\"span\" = \"{}\": must be sequence or token", span));
    }
    classifier.span =
        span == name_of(ClassifierSpan::token) ? ClassifierSpan::token : ClassifierSpan::sequence;
    return classifier;
}

LayerConfig layer_from_json(
    Json const& value, std::string const& where, std::vector<std::string>& faults
) {
    LayerConfig layer;
    layer.experts.clear();
    JsonFields fields(value, where, faults);
    for (auto const& expert : fields.array("experts")) {
        auto const place = layer.num_experts();
        layer.experts.push_back(
            expert_from_json(expert, place, fmt::format("{}.experts[{}]", where, place), faults)
        );
    }
    // Written for layers that have one, so that models without look as they always did.
    if (value.is_object() && value.contains("classifier")) {
        layer.classifier = classifier_from_json(value["classifier"], where + ".classifier", faults);
    }
    if (value.is_object() && value.contains("shared_expert_hidden")) {
        fields.read("shared_expert_hidden", layer.shared_hidden, 1, kMostColumns);
    }
    return layer;
}

Json layer_to_json(LayerConfig const& layer) {
    auto experts = Json::array();
    for (std::int32_t e = 0; e < layer.num_experts(); ++e) {
        experts.push_back(expert_to_json(layer.experts[static_cast<std::size_t>(e)], e));
    }
    Json entry{{"experts", experts}};
    if (layer.has_classifier()) {
        entry["classifier"] = {
            {"classes", layer.classifier.classes}, {"span", name_of(layer.classifier.span)}};
    }
    if (layer.has_shared_expert()) {
        entry["shared_expert_hidden"] = layer.shared_hidden;
    }
    return entry;
}

/// Those of every model before there were others, where the manifest has no "gates".
GateScale gates_from_json(
    Json const& model, std::string const& where, std::vector<std::string>& faults
) {
    auto gates = GateScale::renormalised;
    if (model.is_object() && model.contains("gates")) {
        JsonFields fields(model, where, faults);
        read_kind(fields, "gates", gates, {GateScale::renormalised, GateScale::probabilities});
    }
    return gates;
}

}  // namespace

Json config_to_json(ModelConfig const& config) {
    auto layers = Json::array();
    for (auto const& layer : config.layers) {
        layers.push_back(layer_to_json(layer));
    }
    Json json{
        {"vocab_size", config.vocab_size},
        {"width", config.width},
        {"num_heads", config.num_heads},
        {"num_kv_heads", config.num_kv_heads},
        {"head_width", config.head_width},
        {"ffn_hidden", config.ffn_hidden},
        {"top_k", config.top_k},
        {"max_positions", config.max_positions},
        {"rope_theta", config.rope_theta},
        {"norm_epsilon", config.norm_epsilon},
        {"qkv_bias", config.qkv_bias},
        {"tied_embeddings", config.tied_embeddings},
        {"family", family_to_json(config.family)},
        {"backbone_trainable", config.backbone_trainable},
        {"routers_trainable", config.routers_trainable},
        {"dtype", name_of(config.dtype)},
        {"layers", layers}};
    if (config.gates != GateScale::renormalised) {
        json["gates"] = name_of(config.gates);
    }
    if (config.rope_scaling.kind != RopeScalingKind::none) {
        json["rope_scaling"] = rope_scaling_to_json(config.rope_scaling);
    }
    return json;
}

ModelConfig config_from_json(
    Json const& value, std::string const& where, std::vector<std::string>& faults
) {
    JsonFields fields(value, where, faults);
    ModelConfig config;
    fields.read("vocab_size", config.vocab_size, 1, kMostRows);
    fields.read("width", config.width, 1, kMostColumns);
    fields.read("num_heads", config.num_heads, 1, kMostHeads);
    fields.read("num_kv_heads", config.num_kv_heads, 1, kMostHeads);
    fields.read("head_width", config.head_width, 1, kMostHeads);
    fields.read("ffn_hidden", config.ffn_hidden, 1, kMostColumns);
    fields.read("top_k", config.top_k);
    config.gates = gates_from_json(value, where, faults);
    fields.read("max_positions", config.max_positions);
    fields.read("rope_theta", config.rope_theta);
    fields.read("norm_epsilon", config.norm_epsilon);
    fields.read("qkv_bias", config.qkv_bias);
    fields.read("tied_embeddings", config.tied_embeddings);
    config.rope_scaling = rope_scaling_from_json(value, where, faults);
    config.family = family_from_json(value, where, faults);
    fields.read("backbone_trainable", config.backbone_trainable);
    fields.read("routers_trainable", config.routers_trainable);
    std::string dtype = name_of(config.dtype);
    fields.read("dtype", dtype);
    if (dtype != name_of(DType::f32) && dtype != name_of(DType::bf16)) {
        fields.fault(fmt::format("\"dtype\" = \"{}\": must be f32 or bf16", dtype));
    }
    config.dtype = dtype == name_of(DType::bf16) ? DType::bf16 : DType::f32;
    for (auto const& layer : fields.array("layers")) {
        auto const place = fmt::format("{}.layers[{}]", where, config.layers.size());
        config.layers.push_back(layer_from_json(layer, place, faults));
    }
    return config;
}

}  // namespace isogloss

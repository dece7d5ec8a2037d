// checkpoint/hugging_face_form.cpp
#include "checkpoint/hugging_face_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace isogloss {
namespace {

using Reasons = std::vector<std::string>;

constexpr std::array<std::pair<ForeignForm, char const*>, 11> kNames{
    {{ForeignForm::llama, "llama"},
     {ForeignForm::mistral, "mistral"},
     {ForeignForm::qwen2, "qwen2"},
     {ForeignForm::qwen3, "qwen3"},
     {ForeignForm::gemma, "gemma"},
     {ForeignForm::bloom, "bloom"},
     {ForeignForm::mixtral, "mixtral"},
     {ForeignForm::qwen2_moe, "qwen2_moe"},
     {ForeignForm::qwen3_moe, "qwen3_moe"},
     {ForeignForm::ernie4_5_moe, "ernie4_5_moe"},
     {ForeignForm::isogloss, "isogloss"}}};

/// The switches of each form but its feed-forwards' counts.
Family family_of(ForeignForm form) {
    Family family;
    if (form == ForeignForm::gemma) {
        family.norm = NormKind::rms_offset;
        family.feed_forward = FeedForwardKind::geglu;
        family.embedding_scale = true;
    } else if (form == ForeignForm::bloom) {
        family = {
            .norm = NormKind::layer,
            .position = PositionKind::alibi,
            .feed_forward = FeedForwardKind::gelu,
            .embedding_norm = true,
            .linear_bias = true};
    } else if (form == ForeignForm::qwen3 || form == ForeignForm::qwen3_moe) {
        family.qk_norm = true;
    }
    return family;
}

/// Experts of the routed layers, if they all have as many; 0: none is routed; -1: they differ.
std::int32_t common_experts(ModelConfig const& config) {
    std::int32_t common = 0;
    for (auto const& layer : config.layers) {
        if (layer.has_router()) {
            common = common == 0 || common == layer.num_experts() ? layer.num_experts() : -1;
        }
        if (common < 0) {
            break;
        }
    }
    return common;
}

bool has_dense_layer(ModelConfig const& config) {
    return std::ranges::any_of(config.layers, [](auto const& layer) {
        return !layer.has_router();
    });
}

bool is_dense_form(ForeignForm form) {
    return form != ForeignForm::mixtral && form != ForeignForm::qwen2_moe &&
           form != ForeignForm::qwen3_moe && form != ForeignForm::ernie4_5_moe;
}

void check_switches(ForeignForm form, ModelConfig const& config, Reasons& reasons) {
    auto const has_bias = [&](bool wanted) {
        if (config.qkv_bias != wanted) {
            reasons.push_back(fmt::format(
                "{} has {} biases of queries, keys and values", name_of(form),
                wanted ? "always" : "no"
            ));
        }
    };
    if (config.family != family_of(form)) {
        reasons.push_back(fmt::format("{} is another family of blocks", name_of(form)));
    }
    // qwen2_moe and ernie4_5_moe say in their config.json whether there are any.
    if (form == ForeignForm::qwen2 || form == ForeignForm::bloom) {
        has_bias(true);
    } else if (form != ForeignForm::qwen2_moe && form != ForeignForm::ernie4_5_moe) {
        has_bias(false);
    }
    bool const has_head_width = form != ForeignForm::bloom && form != ForeignForm::ernie4_5_moe;
    if (!has_head_width && config.head_width * config.num_heads != config.width) {
        reasons.push_back(fmt::format("{} has heads of width / heads", name_of(form)));
    }
    if (form == ForeignForm::bloom &&
        (config.ffn_hidden != 4 * config.width || config.num_kv_heads != config.num_heads)) {
        reasons.emplace_back("bloom has a feed-forward of four widths, and keys for every head");
    }
}

/// Copies and closed experts give the same sums only so.
void check_padding(ModelConfig const& config, Reasons& reasons) {
    for (auto const count : config.experts_per_layer()) {
        if (count > 1 && count < config.top_k) {
            reasons.push_back(fmt::format(
                "a layer has {} experts and tokens visit {}: a closed one would be visited", count,
                config.top_k
            ));
            return;
        }
    }
    if (has_dense_layer(config) && !std::has_single_bit(static_cast<unsigned>(config.top_k))) {
        reasons.push_back(fmt::format(
            "a layer has one expert, and {} copies of it with gates 1/{} add up with rounding",
            config.top_k, config.top_k
        ));
    }
}

/// Of a form with routed layers.
void check_gates(ForeignForm form, ModelConfig const& config, Reasons& reasons) {
    auto const* name = name_of(form);
    bool const has_switch = form == ForeignForm::qwen2_moe || form == ForeignForm::qwen3_moe;
    if (config.gates != GateScale::renormalised && !has_switch) {
        reasons.push_back(fmt::format("{} makes the gates of a token add up to 1", name));
    }
    auto const shared = foreign_shared_hidden(config);
    for (auto const& layer : config.layers) {
        if (layer.has_shared_expert() && form != ForeignForm::qwen2_moe) {
            reasons.push_back(fmt::format("{} has no shared expert with a gate", name));
            return;
        }
        if (layer.has_shared_expert() && layer.shared_hidden != shared) {
            reasons.push_back(fmt::format(
                "{} has shared experts of one width, and here are {} and {}", name,
                layer.shared_hidden, shared
            ));
            return;
        }
    }
}

void check_experts(ForeignForm form, ModelConfig const& config, Reasons& reasons) {
    auto const experts = common_experts(config);
    auto const* name = name_of(form);
    for (auto const& layer : config.layers) {
        if (layer.has_classifier()) {
            reasons.push_back(fmt::format("{} has no classifiers", name));
            break;
        }
    }
    if (is_dense_form(form) && experts != 0) {
        reasons.push_back(fmt::format("{} has no experts", name));
    }
    if (is_dense_form(form)) {
        return;
    }
    if (experts == 0) {
        reasons.push_back(fmt::format("{} has a routed layer at least", name));
    }
    check_gates(form, config, reasons);
    if (form == ForeignForm::ernie4_5_moe) {
        check_padding(config, reasons);
        return;
    }
    if (experts < 0) {
        reasons.push_back(fmt::format("{} has as many experts in all its routed layers", name));
    }
    if (experts > 0 && config.top_k > experts) {
        reasons.push_back(fmt::format("{} chooses no more experts than there are", name));
    }
    if (form == ForeignForm::mixtral && has_dense_layer(config)) {
        reasons.emplace_back("mixtral has no dense layers");
    }
}

}  // namespace

char const* name_of(ForeignForm form) {
    return std::ranges::find(kNames, form, &std::pair<ForeignForm, char const*>::first)->second;
}

std::optional<ForeignForm> foreign_form(std::string_view name) {
    for (auto const& [form, text] : kNames) {
        if (name == text) {
            return form;
        }
    }
    return std::nullopt;
}

std::vector<std::string> obstacles(ForeignForm form, ModelConfig const& config) {
    Reasons reasons;
    if (form == ForeignForm::isogloss) {
        return reasons;
    }
    check_switches(form, config, reasons);
    check_experts(form, config, reasons);
    return reasons;
}

std::int64_t foreign_shared_hidden(ModelConfig const& config) {
    std::int64_t widest = 1;
    for (auto const& layer : config.layers) {
        widest = std::max(widest, layer.shared_hidden);
    }
    return widest;
}

ForeignForm fitting_form(ModelConfig const& config) {
    for (auto const form :
         {ForeignForm::llama, ForeignForm::qwen2, ForeignForm::qwen3, ForeignForm::gemma,
          ForeignForm::bloom, ForeignForm::mixtral, ForeignForm::qwen3_moe,
          ForeignForm::qwen2_moe}) {
        if (obstacles(form, config).empty()) {
            return form;
        }
    }
    return ForeignForm::isogloss;
}

}  // namespace isogloss

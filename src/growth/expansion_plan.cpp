// growth/expansion_plan.cpp
#include "growth/expansion_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/require.h"
#include "base/text.h"
#include "growth/derived_checkpoint.h"

namespace isogloss {
namespace {

void check_layer(
    ExpansionPlan::Layer const& growth,
    RouterGrowth router,
    ModelConfig const& model,
    std::vector<std::string>& faults
) {
    if (growth.layer < 0 || growth.layer >= model.num_layers()) {
        faults.push_back(fmt::format(
            "layer {}: the model has layers 0 to {}", growth.layer, model.num_layers() - 1
        ));
        return;
    }
    std::int64_t const old = model.layers[static_cast<std::size_t>(growth.layer)].num_experts();
    if (growth.new_experts < 0 || old + growth.new_experts > kMostExperts) {
        faults.push_back(fmt::format(
            "layer {}: {} new experts: must lie in [0, {}], so that the layer has at most {}",
            growth.layer, growth.new_experts, kMostExperts - old, kMostExperts
        ));
    }
    if (growth.source_expert < 0 || growth.source_expert >= old) {
        faults.push_back(fmt::format(
            "layer {}: source expert {}: the layer has experts 0 to {}", growth.layer,
            growth.source_expert, old - 1
        ));
    }
    if (router == RouterGrowth::copy_row && old == 1 && growth.new_experts > 0) {
        faults.push_back(fmt::format(
            "layer {}: has one expert and no router whose row could be copied; let only layers "
            "with a router grow, or draw the rows (keep)",
            growth.layer
        ));
    }
    auto const obstacle = obstacle_to_copies(model, growth.layer);
    if (old == 1 && growth.new_experts > 0 && !obstacle.empty()) {
        faults.push_back(obstacle);
    }
}

std::int64_t added_experts(ExpansionPlan const& plan, std::int32_t layer) {
    std::int64_t added = 0;
    for (auto const& growth : plan.layers) {
        added += growth.layer == layer ? growth.new_experts : 0;
    }
    return added;
}

void check_classifiers(
    ExpansionPlan const& plan, ModelConfig const& model, std::vector<std::string>& faults
) {
    std::set<std::int32_t> seen;
    for (auto const layer : plan.classifiers->layers) {
        if (layer < 0 || layer >= model.num_layers()) {
            faults.push_back(fmt::format(
                "classifier of layer {}: the model has layers 0 to {}", layer,
                model.num_layers() - 1
            ));
        } else if (!seen.insert(layer).second) {
            faults.push_back(fmt::format("classifier of layer {}: is given twice", layer));
        } else if (!model.layers[static_cast<std::size_t>(layer)].has_router() && added_experts(plan, layer) == 0) {
            faults.push_back(fmt::format(
                "classifier of layer {}: the layer has one expert, there is nothing to choose; "
                "name layers with several",
                layer
            ));
        }
    }
}

// Exactly the planned layers have a classifier.
void set_classifiers(ClassifierPlan const& plan, ModelConfig& model) {
    for (auto& layer : model.layers) {
        layer.classifier = {};
    }
    for (auto const place : plan.layers) {
        model.layers[static_cast<std::size_t>(place)].classifier = {
            .classes = 2, .span = plan.span};
    }
}

// Everything there is.
void freeze_old(ModelConfig& model) {
    model.backbone_trainable = false;
    for (auto& layer : model.layers) {
        for (auto& expert : layer.experts) {
            expert.trainable = false;
        }
    }
}

}  // namespace

std::vector<std::string> problems(ExpansionPlan const& plan, ModelConfig const& model) {
    std::vector<std::string> faults;
    std::set<std::int32_t> seen;
    std::int64_t added = 0;
    for (auto const& growth : plan.layers) {
        check_layer(growth, plan.router, model, faults);
        if (!seen.insert(growth.layer).second) {
            faults.push_back(fmt::format("layer {}: is given twice", growth.layer));
        }
        added += growth.new_experts;
    }
    if (plan.classifiers) {
        check_classifiers(plan, model, faults);
    } else if (faults.empty() && added == 0) {
        faults.emplace_back("no layer gets a new expert; give at least one layer a count above 0");
    }
    if (!(plan.noise >= 0.0F) || !std::isfinite(plan.noise)) {
        faults.push_back(fmt::format("noise = {}: must be a finite number >= 0", plan.noise));
    }
    return faults;
}

std::vector<std::string> known_languages(
    std::vector<std::string> const& languages, CheckpointInfo const& info, ModelConfig const& model
) {
    std::vector<std::string> faults;
    for (auto const& tag : languages) {
        bool has_expert = false;
        for (auto const& layer : model.layers) {
            has_expert = has_expert || std::ranges::any_of(layer.experts, [&](auto const& expert) {
                             auto const group = split_at_commas(expert.group);
                             return std::ranges::count(group, tag) > 0;
                         });
        }
        if (has_expert || std::ranges::count(info.languages, tag) > 0) {
            faults.push_back(fmt::format(
                "language {}: the model has it already ({}); train the model as it is, or leave "
                "{} out",
                tag, has_expert ? "in an expert's group" : "it was trained on it", tag
            ));
        }
    }
    return faults;
}

void require_new_languages(
    std::vector<std::string> const& languages, Manifest const& old, std::string const& source
) {
    auto const known = known_languages(languages, old.info, old.config);
    require_usage(known.empty(), "{}:\n    {}", source, fmt::join(known, "\n    "));
}

ModelConfig grown_config(ModelConfig const& model, ExpansionPlan const& plan) {
    auto const faults = problems(plan, model);
    require_usage(
        faults.empty(), "the plan of the expansion has {} {}:\n    {}", faults.size(),
        faults.size() == 1 ? "fault" : "faults", fmt::join(faults, "\n    ")
    );
    auto grown = model;
    grown.routers_trainable = true;
    if (plan.classifiers) {
        set_classifiers(*plan.classifiers, grown);
    }
    bool const grows =
        std::ranges::any_of(plan.layers, [](auto const& layer) { return layer.new_experts > 0; });
    if (!grows) {
        return grown;
    }
    freeze_old(grown);
    auto const generation = model.newest_generation() + 1;
    auto const group = fmt::format("{}", fmt::join(plan.languages, ","));
    for (auto const& growth : plan.layers) {
        auto& experts = grown.layers[static_cast<std::size_t>(growth.layer)].experts;
        for (std::int32_t i = 0; i < growth.new_experts; ++i) {
            experts.push_back({generation, growth.source_expert, group, true});
        }
    }
    return grown;
}

}  // namespace isogloss

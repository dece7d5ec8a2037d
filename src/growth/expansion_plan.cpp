// growth/expansion_plan.cpp
#include "growth/expansion_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/require.h"
#include "base/text.h"

namespace isogloss {
namespace {

constexpr std::int64_t kMostExperts = 999;  // three digits name an expert's file

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
    if (faults.empty() && added == 0) {
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

ModelConfig grown_config(ModelConfig const& model, ExpansionPlan const& plan) {
    auto const faults = problems(plan, model);
    require_usage(
        faults.empty(), "the plan of the expansion has {} {}:\n    {}", faults.size(),
        faults.size() == 1 ? "fault" : "faults", fmt::join(faults, "\n    ")
    );
    auto grown = model;
    std::int32_t generation = 0;
    for (auto& layer : grown.layers) {
        for (auto& expert : layer.experts) {
            generation = std::max(generation, expert.generation);
            expert.trainable = false;
        }
    }
    auto const group = fmt::format("{}", fmt::join(plan.languages, ","));
    for (auto const& growth : plan.layers) {
        auto& experts = grown.layers[static_cast<std::size_t>(growth.layer)].experts;
        for (std::int32_t i = 0; i < growth.new_experts; ++i) {
            experts.push_back({generation + 1, growth.source_expert, group, true});
        }
    }
    grown.backbone_trainable = false;
    grown.routers_trainable = true;
    return grown;
}

}  // namespace isogloss

// growth/upcycle.cpp
#include "growth/upcycle.h"

#include <fmt/format.h>

#include <cmath>
#include <map>

#include "base/random.h"
#include "base/require.h"
#include "checkpoint/shard_file.h"
#include "corpus/schema.h"
#include "growth/expansion_plan.h"

namespace isogloss {
namespace {

void check_layers(
    UpcyclePlan const& plan, ModelConfig const& model, std::vector<std::string>& faults
) {
    if (plan.layers.empty()) {
        faults.emplace_back("no layer is chosen; name those of `group layers`");
    }
    for (auto const layer : plan.layers) {
        if (layer < 0 || layer >= model.num_layers()) {
            faults.push_back(
                fmt::format("layer {}: the model has layers 0 to {}", layer, model.num_layers() - 1)
            );
            continue;
        }
        auto const experts = model.layers[static_cast<std::size_t>(layer)].num_experts();
        if (experts != 1) {
            faults.push_back(fmt::format(
                "layer {}: is not dense, it has {} experts; `expand apply` adds experts to it",
                layer, experts
            ));
        } else if (auto const obstacle = obstacle_to_copies(model, layer); !obstacle.empty()) {
            faults.push_back(obstacle);
        }
    }
}

void check_groups(UpcyclePlan const& plan, std::vector<std::string>& faults) {
    auto const groups = plan.groups.size();
    if (groups < 2 || groups > static_cast<std::size_t>(kMostExperts)) {
        faults.push_back(fmt::format(
            "{} group{}: must be 2 to {}, one expert each", groups, groups == 1 ? "" : "s",
            kMostExperts
        ));
    }
    std::map<std::string, std::size_t> group_of;
    for (std::size_t g = 0; g < groups; ++g) {
        if (plan.groups[g].empty()) {
            faults.push_back(fmt::format("group {}: has no language", g));
        }
        for (auto const& tag : plan.groups[g]) {
            if (!is_language_tag(tag)) {
                faults.push_back(fmt::format("group {}: \"{}\" is no language tag", g, tag));
            }
            auto const [place, is_new] = group_of.emplace(tag, g);
            if (!is_new) {
                faults.push_back(fmt::format(
                    "language {}: is in group {} and in group {}; each has one expert", tag,
                    place->second, g
                ));
            }
        }
    }
}

}  // namespace

std::vector<std::string> problems(UpcyclePlan const& plan, ModelConfig const& model) {
    std::vector<std::string> faults;
    check_layers(plan, model, faults);
    check_groups(plan, faults);
    if (!(plan.router_deviation > 0.0) || !std::isfinite(plan.router_deviation)) {
        faults.push_back(fmt::format(
            "router-deviation = {}: must be a finite number > 0; with equal rows all experts would "
            "stay equal",
            plan.router_deviation
        ));
    }
    if (plan.top_k < 1) {
        faults.push_back(fmt::format("top-k = {}: must be at least 1", plan.top_k));
    }
    return faults;
}

ModelConfig upcycled_config(ModelConfig const& model, UpcyclePlan const& plan) {
    auto const faults = problems(plan, model);
    require_usage(
        faults.empty(), "upcycling finds {} {}:\n    {}", faults.size(),
        faults.size() == 1 ? "fault" : "faults", fmt::join(faults, "\n    ")
    );
    auto config = model;
    bool const all = plan.training == UpcycleTraining::all;
    config.top_k = plan.top_k;
    config.backbone_trainable = all;
    config.routers_trainable = true;
    for (auto& layer : config.layers) {
        for (auto& expert : layer.experts) {
            expert.trainable = all;
        }
    }
    for (auto const place : plan.layers) {
        auto& experts = config.layers[static_cast<std::size_t>(place)].experts;
        for (std::size_t g = 0; g < plan.groups.size(); ++g) {
            auto const group = fmt::format("{}", fmt::join(plan.groups[g], ","));
            if (g == 0) {
                experts[0].group = group;
                experts[0].trainable = true;
            } else {
                experts.push_back({experts[0].generation, 0, group, true});
            }
        }
    }
    return config;
}

GrowthReport upcycle(
    std::filesystem::path const& from,
    UpcyclePlan const& plan,
    std::filesystem::path const& to,
    std::string const& options
) {
    auto const parent = read_checkpoint(from);
    auto const config = upcycled_config(parent.manifest.config, plan);
    return derive_checkpoint(parent, config, to, options, [&](ParameterSpec const& spec) {
        auto const* old = parent.manifest.tensor(spec.name);  // a router of a layer not chosen
        if (old != nullptr) {
            return read_tensor(parent, *old, HashCheck::compare);
        }
        return spec.part == Part::expert
                   ? copy_of_parent_expert(parent, config, spec)
                   : normal_floats(
                         spec.size(), plan.router_deviation, plan.seed, random_stream(spec.name)
                     );
    });
}

}  // namespace isogloss

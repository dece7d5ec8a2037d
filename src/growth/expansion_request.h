// growth/expansion_request.h - how people say an expansion, and the plan that comes of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "growth/expansion_plan.h"

namespace isogloss {

/// Words and files of `expand apply`.
struct ExpansionRequest {
    std::vector<std::int32_t> experts =
        {};                                 ///< new ones: one number for all layers, or one a layer
    std::filesystem::path allocation = {};  ///< of `expand allocate --json`, instead of `experts`
    /// Where one number applies: "all", "routed" (those that have a router), a list, or "" for all
    /// (routed, when there is a `source_from`).
    std::string layers = {};
    std::vector<std::int32_t> source = {};  ///< one number for all layers, or one a layer; empty: 0
    std::filesystem::path source_from = {};  ///< of `expand scan --json`, instead of `source`
    std::string classifiers = {};            ///< "" (as they are), "none", "5,6,10-13" or "top:7"
    std::filesystem::path similarity = {};   ///< of `expand similarity --json`, for "top:7"
    ClassifierSpan span = ClassifierSpan::sequence;
    ClassifierGrowth old_classifiers = ClassifierGrowth::keep;
};

/// Fills layers and classifiers of `plan`.
/// @throws Error  (usage) with every fault of the words; (data) when a file is not what it should
/// be
void complete(ExpansionPlan& plan, ExpansionRequest const& request, ModelConfig const& model);

}  // namespace isogloss

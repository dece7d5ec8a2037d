// growth/lifelong_plan.h - the plan file of a lifelong run: a base, then expansion after expansion.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/options.h"

namespace isogloss {

/// What a stage adds to the model before it trains. The base stage adds nothing.
struct StageExpansion {
    std::vector<std::int32_t> new_experts;  ///< one a layer; one number alone stands for all layers
    std::string router = "keep";            ///< keep or fresh, as in `expand apply`
};

struct LifelongStage {
    std::string name;                    ///< names its folder: letters, digits, '-', '_'
    std::vector<std::string> languages;  ///< learned in this stage
    StageExpansion expansion;            ///< empty for the first stage
    double replay_share = 0.0;           ///< of the rows, for languages of earlier stages
    std::vector<Setting> options;        ///< of `isogloss train`, over the plan's defaults
};

struct LifelongPlan {
    std::filesystem::path corpus;  ///< relative to the plan's folder, as `out`
    std::filesystem::path out;
    std::vector<Setting> model;  ///< of `isogloss model create`
    std::vector<LifelongStage> stages;

    /// Languages of the stages before `stage`, in order: what it must not forget.
    [[nodiscard]] std::vector<std::string> languages_before(std::size_t stage) const;
    /// Of all stages, in order.
    [[nodiscard]] std::vector<std::string> all_languages() const;
};

/// Reads a plan: JSON with comments allowed. Every fault is listed at once.
///
///     {"corpus": "corpus", "out": "run",
///      "model": {"model.width": 256, ...},
///      "defaults": {"train.steps": 200, ...},
///      "stages": [{"name": "base", "languages": ["en", "zh"], "options": {...}},
///                 {"name": "greek", "languages": ["el"], "expand": {"experts": [2, 1]}}]}
///
/// @throws Error  (usage) with all faults; (data) when it is no JSON
LifelongPlan read_lifelong_plan(std::filesystem::path const& path);

}  // namespace isogloss

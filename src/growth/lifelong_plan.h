// growth/lifelong_plan.h - the plan file of a lifelong run: a base, then expansion after expansion.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/options.h"
#include "growth/lifelong_recipe.h"

namespace isogloss {

/// Which languages a review keeps on the base model's expert: priors and classifiers call them old.
enum class OldLanguages : std::uint8_t {
    base,         ///< of the first stage
    all_earlier,  ///< of all stages before
};

/// What classifiers of an earlier expansion do while a later one trains its experts.
enum class EarlierClassifiers : std::uint8_t {
    off,
    /// They decide, and class 1 may choose old experts only: new ones in their layers learn nothing
    /// then, as it seems in LayerMoE's release.
    released,
};

struct LifelongStage {
    std::string name;                    ///< names its folder: letters, digits, '-', '_'
    std::vector<std::string> languages;  ///< learned in this stage
    Recipe recipe = Recipe::plain;
    std::vector<Setting> options;  ///< of `isogloss train`, over the plan's defaults
    /// What the plan says of single steps, by their names (growth/lifelong_recipe.h).
    std::map<std::string, std::vector<Setting>> steps;
    double replay_share = 0.0;  ///< plain: of the rows, for languages of earlier stages
    OldLanguages old = OldLanguages::base;
    EarlierClassifiers earlier_classifiers = EarlierClassifiers::off;
};

struct LifelongPlan {
    std::filesystem::path corpus;  ///< relative to the plan's folder, as `out`
    std::filesystem::path out;
    std::filesystem::path from;     ///< checkpoint to begin with; empty: one is made
    std::vector<Setting> model;     ///< of `isogloss model create`, where none is given
    std::vector<Setting> evaluate;  ///< of `isogloss evaluate`, after each stage
    std::vector<LifelongStage> stages;

    /// Languages of the stages before `stage`, in order: what it must not forget.
    [[nodiscard]] std::vector<std::string> languages_before(std::size_t stage) const;
    /// Of all stages, in order.
    [[nodiscard]] std::vector<std::string> all_languages() const;
};

/// `settings` with those of `over` in place of their namesakes, or at the end.
std::vector<Setting> merged(std::vector<Setting> settings, std::vector<Setting> const& over);

/// Reads a plan: JSON with comments allowed. Every fault is listed at once.
///
///     {"corpus": "corpus", "out": "run",
///      "model": {"model.width": 256, ...},
///      "defaults": {"train.steps": 200, ...},
///      "stages": [{"name": "base", "languages": ["en", "zh"], "options": {...}},
///                 {"name": "greek", "languages": ["el"], "expand": {"experts": [2, 1]}},
///                 {"name": "hindi", "languages": ["hi"], "recipe": "layermoe",
///                  "allocate": {"budget": 6}, "review": {"train.steps": 50}}]}
///
/// @throws Error  (usage) with all faults; (data) when it is no JSON
LifelongPlan read_lifelong_plan(std::filesystem::path const& path);

}  // namespace isogloss

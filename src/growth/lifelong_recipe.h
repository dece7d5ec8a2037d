// growth/lifelong_recipe.h - the methods that a lifelong plan can name, as lists of commands.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/options.h"

namespace isogloss {

/// How a stage makes and trains its model.
enum class Recipe : std::uint8_t {
    plain,     ///< base: train; later: add experts, train them with replay
    given,     ///< base: a checkpoint that is there already
    dmoe,      ///< arXiv:2506.12388; base: probe, upcycle, hard, soft; later: scan, copy, adapt
    moe_lpr,   ///< arXiv:2408.11396: uniform new experts, then review
    layermoe,  ///< arXiv:2505.22582: experts by layer, then review with classifiers
};

enum class StageKind : std::uint8_t { base, expansion };

/// One command of a recipe. Its name is a key of the stage: {"review": {"train.steps": 40}}.
struct StepForm {
    enum class When : std::uint8_t { always, if_named };

    std::string_view name;
    std::string_view command;  ///< "expand apply"
    When when = When::always;
    std::vector<Setting> presets = {};  ///< of the method; the plan's settings go over them
    std::vector<std::string_view> keys =
        {};  ///< options that the plan may set; none: all of `train`

    [[nodiscard]] bool is_training() const { return command == "train"; }
};

/// The steps between a stage's start and its scores, in order; empty for what does not exist (a
/// base of MoE-LPR).
std::span<StepForm const> steps_of(Recipe recipe, StageKind kind);

std::string_view name_of(Recipe recipe);
std::optional<Recipe> recipe_of(std::string_view name);
/// "plain, given, dmoe" or "plain, dmoe, moe-lpr, layermoe".
std::string recipes_text(StageKind kind);

}  // namespace isogloss

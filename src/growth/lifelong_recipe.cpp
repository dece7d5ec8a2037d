// growth/lifelong_recipe.cpp
#include "growth/lifelong_recipe.h"

#include <array>
#include <utility>

namespace isogloss {
namespace {

using Forms = std::vector<StepForm>;
using Keys = std::vector<std::string_view>;
using When = StepForm::When;

constexpr std::array<std::pair<std::string_view, Recipe>, 5> kNames{
    {{"plain", Recipe::plain},
     {"given", Recipe::given},
     {"dmoe", Recipe::dmoe},
     {"moe-lpr", Recipe::moe_lpr},
     {"layermoe", Recipe::layermoe}}};

// Numbers that make the method what it is; sizes, steps and learning rates are the plan's.

std::vector<Setting> expert_presets() {
    return {
        {"train.trainable", "new-experts"},
        {"train.balance-coef", "0.01"},
        {"train.classifiers", "off"}};
}

std::vector<Setting> review_presets(std::string mean) {
    return {{"train.trainable", "routers"}, {"train.balance-coef", "0"},
            {"train.priors-coef", "0.1"},   {"train.priors-mean", std::move(mean)},
            {"data.documents", "100000"},   {"data.replay-documents", "50000"}};
}

std::vector<Setting> hard_presets(std::string trainable) {
    return {
        {"train.routing", "hard"},
        {"train.classification-coef", "1.28"},
        {"train.trainable", std::move(trainable)},
        {"data.order", "group-chunks"}};
}

Forms plain_base() {
    return {{"train", "train"}};
}

Forms plain_expansion() {
    Keys const keys{"experts", "layers", "router", "source", "noise", "seed"};
    return {
        {"expand", "expand apply", When::always, {{"router", "keep"}}, keys}, {"train", "train"}};
}

Forms dmoe_base() {
    return {
        {"dense", "train", When::if_named},
        {"probe",
         "group probe",
         When::always,
         {},
         {"documents", "steps", "rows", "micro-rows", "row-length", "seed", "learning-rate",
          "similarity-layers", "ffn-weights", "ranks-per-language", "skip-small"}},
        {"layers", "group layers", When::always, {}, {"threshold", "layers"}},
        {"cluster", "group cluster", When::always, {}, {"groups", "method"}},
        {"upcycle", "upcycle", When::always, {}, {"top-k", "router-deviation", "seed"}},
        {"hard", "train", When::always, hard_presets("all")},
        {"soft",
         "train",
         When::always,
         {{"train.trainable", "all"}, {"train.balance-coef", "0.02"}}}};
}

Forms dmoe_expansion() {
    return {
        {"scan", "expand scan", When::always, {}, {"max-tokens", "row-length", "rows", "split"}},
        {"expand",
         "expand apply",
         When::always,
         {{"experts", "1"}, {"router", "copy-row"}},
         {"experts", "layers", "router", "noise", "seed"}},
        {"adapt", "train", When::always, hard_presets("new-experts")}};
}

Forms moe_lpr_expansion() {
    Keys const keys{"experts", "layers", "router", "noise", "seed"};
    return {
        {"expand", "expand apply", When::always, {{"router", "keep"}}, keys},
        {"experts", "train", When::always, expert_presets()},
        {"review", "train", When::always, review_presets("tokens")}};
}

Forms layermoe_expansion() {
    return {
        {"similarity",
         "expand similarity",
         When::always,
         {},
         {"tokens", "longest-document", "longest-row", "split", "classifiers"}},
        {"allocate", "expand allocate", When::always, {}, {"budget", "exact-budget", "minimum"}},
        {"expand",
         "expand apply",
         When::always,
         {{"router", "fresh"}},
         {"router", "noise", "seed"}},
        {"experts", "train", When::always, expert_presets()},
        {"classify",
         "expand apply",
         When::if_named,
         {},
         {"classifiers", "classifier-span", "old-classifiers", "seed"}},
        {"review", "train", When::always, review_presets("buckets")}};
}

}  // namespace

std::span<StepForm const> steps_of(Recipe recipe, StageKind kind) {
    static Forms const none;
    static Forms const plain_first = plain_base();
    static Forms const plain_later = plain_expansion();
    static Forms const dmoe_first = dmoe_base();
    static Forms const dmoe_later = dmoe_expansion();
    static Forms const moe_lpr = moe_lpr_expansion();
    static Forms const layermoe = layermoe_expansion();
    bool const is_base = kind == StageKind::base;
    switch (recipe) {
        case Recipe::plain: return is_base ? plain_first : plain_later;
        case Recipe::dmoe: return is_base ? dmoe_first : dmoe_later;
        case Recipe::moe_lpr: return is_base ? none : moe_lpr;
        case Recipe::layermoe: return is_base ? none : layermoe;
        case Recipe::given: return none;
    }
    return none;
}

std::string_view name_of(Recipe recipe) {
    for (auto const& [name, known] : kNames) {
        if (known == recipe) {
            return name;
        }
    }
    return "?";
}

std::optional<Recipe> recipe_of(std::string_view name) {
    for (auto const& [known, recipe] : kNames) {
        if (known == name) {
            return recipe;
        }
    }
    return std::nullopt;
}

std::string recipes_text(StageKind kind) {
    return kind == StageKind::base ? "plain, given, dmoe" : "plain, dmoe, moe-lpr, layermoe";
}

}  // namespace isogloss

// growth/lifelong_plan.cpp
#include "growth/lifelong_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "growth/plan_values.h"

namespace isogloss {
namespace {

constexpr double kReplayShare = 0.25;  // unless a stage says otherwise

// Collects faults, so that a user sees them all at once.
class PlanReader {
public:
    explicit PlanReader(std::filesystem::path const& path)
        : path_(path.string()), folder_(path.parent_path()), plan_(isogloss::read_json(path)) {}

    LifelongPlan read() {
        values_.expect_keys(
            plan_, "the plan", {"corpus", "out", "from", "model", "defaults", "evaluate", "stages"}
        );
        LifelongPlan plan;
        plan.corpus = (folder_ / values_.text(plan_, "the plan", "corpus")).lexically_normal();
        plan.out = (folder_ / values_.text(plan_, "the plan", "out")).lexically_normal();
        if (has(plan_, "from")) {
            plan.from = (folder_ / values_.text(plan_, "the plan", "from")).lexically_normal();
        }
        plan.model = values_.options(plan_, "the plan", "model");
        plan.evaluate = values_.options(plan_, "the plan", "evaluate");
        if (!plan.from.empty() && has(plan_, "model")) {
            values_.fault("\"from\" and \"model\": give a checkpoint or a model to make");
        }
        auto const defaults = values_.options(plan_, "the plan", "defaults");
        if (plan_.is_object() && plan_.contains("stages") && plan_["stages"].is_array()) {
            for (auto const& value : plan_["stages"]) {
                plan.stages.push_back(stage(value, defaults, plan));
            }
        }
        if (plan.stages.empty()) {
            values_.fault("\"stages\" must be a list of at least one stage");
        }
        check_unique(plan);
        values_.throw_faults(path_);
        return plan;
    }

private:
    LifelongStage stage(
        Json const& value, std::vector<Setting> const& defaults, LifelongPlan const& plan
    ) {
        auto const where = fmt::format("stage {}", ++num_stages_);
        auto const kind = plan.stages.empty() ? StageKind::base : StageKind::expansion;
        LifelongStage stage;
        stage.recipe = recipe(value, where, kind);
        values_.expect_keys(value, where, stage_keys(stage.recipe, kind));
        stage.name = stage_name(value, where);
        stage.languages = values_.texts(value, where, "languages");
        stage.options = merged(defaults, values_.options(value, where, "options"));
        stage.replay_share = take_replay_share(stage.options, where, kind == StageKind::base);
        if (stage.recipe == Recipe::given && plan.from.empty()) {
            values_.fault(where + ": recipe given needs \"from\", a checkpoint, in the plan");
        }
        read_steps(value, where, kind, stage);
        read_choices(value, where, stage);
        return stage;
    }

    Recipe recipe(Json const& value, std::string const& where, StageKind kind) {
        if (!has(value, "recipe")) {
            return Recipe::plain;
        }
        auto const name = values_.text(value, where, "recipe");
        auto const found = recipe_of(name);
        bool const fits = found && (*found == Recipe::given ? kind == StageKind::base
                                                            : !steps_of(*found, kind).empty());
        if (!fits) {
            values_.fault(fmt::format(
                "{}: recipe \"{}\": {} can be {}", where, name,
                kind == StageKind::base ? "the first stage is the base and" : "a later stage",
                recipes_text(kind)
            ));
        }
        return fits ? *found : Recipe::plain;
    }

    static std::set<std::string> stage_keys(Recipe recipe, StageKind kind) {
        std::set<std::string> keys{"name", "languages", "recipe", "options"};
        for (auto const& form : steps_of(recipe, kind)) {
            if (recipe != Recipe::plain || !form.is_training()) {
                keys.emplace(form.name);  // the one training of a plain stage has "options"
            }
        }
        if (recipe == Recipe::moe_lpr || recipe == Recipe::layermoe) {
            keys.insert({"old", "earlier-classifiers"});
        }
        return keys;
    }

    std::string stage_name(Json const& value, std::string const& where) {
        auto name = values_.text(value, where, "name");
        bool const is_plain = std::ranges::all_of(name, [](unsigned char c) {
            return std::isalnum(c) != 0 || c == '-' || c == '_';
        });
        if (!is_plain) {
            values_.fault(fmt::format(
                "{}: name \"{}\" may have letters, digits, '-' and '_' only", where, name
            ));
        }
        return name;
    }

    void read_steps(
        Json const& value, std::string const& where, StageKind kind, LifelongStage& stage
    ) {
        if (!value.is_object()) {
            return;
        }
        for (auto const& form : steps_of(stage.recipe, kind)) {
            auto const name = std::string(form.name);
            if (!value.contains(name)) {
                expect_needed(form, stage.recipe, where);
                continue;
            }
            auto const place = where + ": " + name;
            if (!form.keys.empty()) {
                values_.expect_keys(
                    value[name], place, std::set<std::string>(form.keys.begin(), form.keys.end())
                );
            }
            stage.steps[name] = values_.options(value, where, name.c_str());
            if (form.command == "expand apply" && has(value[name], "experts")) {
                check_counts(value[name]["experts"], place);
            } else if (needs_experts(form, stage.recipe)) {
                values_.fault(place + ": \"experts\" is missing: new ones of each layer");
            }
        }
    }

    static bool needs_experts(StepForm const& form, Recipe recipe) {
        return form.name == "expand" && (recipe == Recipe::plain || recipe == Recipe::moe_lpr);
    }

    void expect_needed(StepForm const& form, Recipe recipe, std::string const& where) {
        if (needs_experts(form, recipe)) {
            values_.fault(
                where + ": \"expand\" is missing; it says how many experts the stage adds"
            );
        }
        if (form.name == "allocate" || form.name == "cluster") {
            values_.fault(fmt::format(
                "{}: \"{}\" is missing; recipe {} needs {}", where, form.name, name_of(recipe),
                form.name == "allocate" ? "its \"budget\"" : "its number of \"groups\""
            ));
        }
    }

    void check_counts(Json const& value, std::string const& where) {
        bool const is_list =
            value.is_array() && !value.empty() &&
            std::ranges::all_of(value, [](Json const& item) { return item.is_number_integer(); });
        if (!value.is_number_integer() && !is_list) {
            values_.fault(
                where + ": \"experts\" must be a whole number or a list of them, one a layer"
            );
        }
    }

    void read_choices(Json const& value, std::string const& where, LifelongStage& stage) {
        if (values_.is_second(value, where, "old", {"base", "all-earlier"})) {
            stage.old = OldLanguages::all_earlier;
        }
        if (values_.is_second(value, where, "earlier-classifiers", {"off", "released"})) {
            stage.earlier_classifiers = EarlierClassifiers::released;
        }
    }

    // Out of the options, because the base has nothing to replay whatever the defaults say.
    double take_replay_share(
        std::vector<Setting>& options, std::string const& where, bool is_first
    ) {
        double share = kReplayShare;
        for (auto const& [name, value] : options) {
            if (name != "data.replay-share") {
                continue;
            }
            auto const expected = read_value(value, share);
            if (!expected.empty() || share < 0.0 || share >= 1.0) {
                values_.fault(fmt::format(
                    "{}: data.replay-share = {}: must be a number in [0, 1)", where, value
                ));
            }
        }
        std::erase_if(options, [](Setting const& setting) {
            return setting.name == "data.replay-share";
        });
        return is_first ? 0.0 : share;
    }

    void check_unique(LifelongPlan const& plan) {
        std::set<std::string> names;
        std::set<std::string> languages;
        for (auto const& stage : plan.stages) {
            if (!names.insert(stage.name).second) {
                values_.fault(fmt::format("two stages are named \"{}\"", stage.name));
            }
            for (auto const& language : stage.languages) {
                if (!languages.insert(language).second) {
                    values_.fault(fmt::format("language {} is learned twice", language));
                }
            }
        }
    }

    std::string path_;
    std::filesystem::path folder_;
    Json plan_;
    std::size_t num_stages_ = 0;
    PlanValues values_;
};

}  // namespace

std::vector<Setting> merged(std::vector<Setting> settings, std::vector<Setting> const& over) {
    for (auto const& setting : over) {
        std::erase_if(settings, [&](Setting const& old) { return old.name == setting.name; });
        settings.push_back(setting);
    }
    return settings;
}

std::vector<std::string> LifelongPlan::languages_before(std::size_t stage) const {
    std::vector<std::string> languages;
    for (std::size_t i = 0; i < stage; ++i) {
        languages.insert(languages.end(), stages[i].languages.begin(), stages[i].languages.end());
    }
    return languages;
}

std::vector<std::string> LifelongPlan::all_languages() const {
    return languages_before(stages.size());
}

LifelongPlan read_lifelong_plan(std::filesystem::path const& path) {
    return PlanReader(path).read();
}

}  // namespace isogloss

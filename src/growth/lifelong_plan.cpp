// growth/lifelong_plan.cpp
#include "growth/lifelong_plan.h"

#include <algorithm>
#include <array>
#include <set>

namespace isogloss {
namespace {

constexpr double kReplayShare = 0.25;  // unless a stage says otherwise

// Collects faults, so that a user sees them all at once.
class PlanReader {
public:
    explicit PlanReader(std::filesystem::path const& path)
        : path_(path.string()), folder_(path.parent_path()), plan_(isogloss::read_json(path)) {}

    LifelongPlan read() {
        expect_keys(
            plan_, "the plan", {"corpus", "out", "from", "model", "defaults", "evaluate", "stages"}
        );
        LifelongPlan plan;
        plan.corpus = (folder_ / text(plan_, "the plan", "corpus")).lexically_normal();
        plan.out = (folder_ / text(plan_, "the plan", "out")).lexically_normal();
        if (has(plan_, "from")) {
            plan.from = (folder_ / text(plan_, "the plan", "from")).lexically_normal();
        }
        plan.model = options(plan_, "the plan", "model");
        plan.evaluate = options(plan_, "the plan", "evaluate");
        if (!plan.from.empty() && has(plan_, "model")) {
            faults_.emplace_back("\"from\" and \"model\": give a checkpoint or a model to make");
        }
        auto const defaults = options(plan_, "the plan", "defaults");
        if (plan_.is_object() && plan_.contains("stages") && plan_["stages"].is_array()) {
            for (auto const& value : plan_["stages"]) {
                plan.stages.push_back(stage(value, defaults, plan));
            }
        }
        if (plan.stages.empty()) {
            faults_.emplace_back("\"stages\" must be a list of at least one stage");
        }
        check_unique(plan);
        throw_faults();
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
        expect_keys(value, where, stage_keys(stage.recipe, kind));
        stage.name = stage_name(value, where);
        stage.languages = list<std::string>(value, where, "languages");
        stage.options = merged(defaults, options(value, where, "options"));
        stage.replay_share = take_replay_share(stage.options, where, kind == StageKind::base);
        if (stage.recipe == Recipe::given && plan.from.empty()) {
            faults_.push_back(where + ": recipe given needs \"from\", a checkpoint, in the plan");
        }
        read_steps(value, where, kind, stage);
        read_choices(value, where, stage);
        return stage;
    }

    Recipe recipe(Json const& value, std::string const& where, StageKind kind) {
        if (!has(value, "recipe")) {
            return Recipe::plain;
        }
        auto const name = text(value, where, "recipe");
        auto const found = recipe_of(name);
        bool const fits = found && (*found == Recipe::given ? kind == StageKind::base
                                                            : !steps_of(*found, kind).empty());
        if (!fits) {
            faults_.push_back(fmt::format(
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
        auto name = text(value, where, "name");
        bool const is_plain = std::ranges::all_of(name, [](unsigned char c) {
            return std::isalnum(c) != 0 || c == '-' || c == '_';
        });
        if (!is_plain) {
            faults_.push_back(fmt::format(
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
                expect_keys(
                    value[name], place, std::set<std::string>(form.keys.begin(), form.keys.end())
                );
            }
            stage.steps[name] = options(value, where, name.c_str());
            if (form.command == "expand apply" && has(value[name], "experts")) {
                check_counts(value[name]["experts"], place);
            } else if (needs_experts(form, stage.recipe)) {
                faults_.push_back(place + ": \"experts\" is missing: new ones of each layer");
            }
        }
    }

    static bool needs_experts(StepForm const& form, Recipe recipe) {
        return form.name == "expand" && (recipe == Recipe::plain || recipe == Recipe::moe_lpr);
    }

    void expect_needed(StepForm const& form, Recipe recipe, std::string const& where) {
        if (needs_experts(form, recipe)) {
            faults_.push_back(
                where + ": \"expand\" is missing; it says how many experts the stage adds"
            );
        }
        if (form.name == "allocate" || form.name == "cluster") {
            faults_.push_back(fmt::format(
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
            faults_.push_back(
                where + ": \"experts\" must be a whole number or a list of them, one a layer"
            );
        }
    }

    void read_choices(Json const& value, std::string const& where, LifelongStage& stage) {
        read_choice(value, where, "old", {"base", "all-earlier"}, [&](bool second) {
            stage.old = second ? OldLanguages::all_earlier : OldLanguages::base;
        });
        read_choice(value, where, "earlier-classifiers", {"off", "released"}, [&](bool second) {
            stage.earlier_classifiers =
                second ? EarlierClassifiers::released : EarlierClassifiers::off;
        });
    }

    template <class Take>
    void read_choice(
        Json const& value,
        std::string const& where,
        char const* key,
        std::array<std::string, 2> const& words,
        Take take
    ) {
        if (!has(value, key)) {
            return;
        }
        auto const word = text(value, where, key);
        if (word != words[0] && word != words[1]) {
            faults_.push_back(fmt::format(
                "{}: \"{}\" = \"{}\": must be {} or {}", where, key, word, words[0], words[1]
            ));
        }
        take(word == words[1]);
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
                faults_.push_back(fmt::format(
                    "{}: data.replay-share = {}: must be a number in [0, 1)", where, value
                ));
            }
        }
        std::erase_if(options, [](Setting const& setting) {
            return setting.name == "data.replay-share";
        });
        return is_first ? 0.0 : share;
    }

    // A number, a text or a list: all as the command line would have them.
    static std::string as_text(Json const& value) {
        if (value.is_string()) {
            return value.get<std::string>();
        }
        if (!value.is_array()) {
            return value.dump();
        }
        std::string joined;
        for (auto const& item : value) {
            joined += (joined.empty() ? "" : ",") + as_text(item);
        }
        return joined;
    }

    static bool has(Json const& value, char const* key) {
        return value.is_object() && value.contains(key);
    }

    std::vector<Setting> options(Json const& value, std::string const& where, char const* key) {
        std::vector<Setting> found;
        if (!has(value, key)) {
            return found;
        }
        if (!value[key].is_object()) {
            faults_.push_back(fmt::format("{}: \"{}\" must be an object {{...}}", where, key));
            return found;
        }
        for (auto const& [name, setting] : value[key].items()) {
            found.push_back({name, as_text(setting)});
        }
        return found;
    }

    std::string text(Json const& value, std::string const& where, char const* key) {
        if (value.is_object() && value.contains(key) && value[key].is_string() &&
            !value[key].get<std::string>().empty()) {
            return value[key].get<std::string>();
        }
        faults_.push_back(fmt::format("{}: \"{}\" must be a text that is not empty", where, key));
        return {};
    }

    template <class T>
    std::vector<T> list(Json const& value, std::string const& where, char const* key) {
        try {
            auto found = value.at(key).get<std::vector<T>>();
            if (!found.empty()) {
                return found;
            }
        } catch (nlohmann::json::exception const&) {
            // said below, in words a user knows
        }
        faults_.push_back(fmt::format("{}: \"{}\" must be a list that is not empty", where, key));
        return {};
    }

    void expect_keys(
        Json const& value, std::string const& where, std::set<std::string> const& known
    ) {
        if (!value.is_object()) {
            faults_.push_back(fmt::format("{}: must be an object {{...}}", where));
            return;
        }
        for (auto const& [key, unused] : value.items()) {
            if (!known.contains(key)) {
                faults_.push_back(fmt::format(
                    "{}: unknown key \"{}\"; known are {}", where, key, fmt::join(known, ", ")
                ));
            }
        }
    }

    void check_unique(LifelongPlan const& plan) {
        std::set<std::string> names;
        std::set<std::string> languages;
        for (auto const& stage : plan.stages) {
            if (!names.insert(stage.name).second) {
                faults_.push_back(fmt::format("two stages are named \"{}\"", stage.name));
            }
            for (auto const& language : stage.languages) {
                if (!languages.insert(language).second) {
                    faults_.push_back(fmt::format("language {} is learned twice", language));
                }
            }
        }
    }

    void throw_faults() const {
        require_usage(
            faults_.empty(), "{} has {} fault{}:\n    {}", path_, faults_.size(),
            faults_.size() == 1 ? "" : "s", fmt::join(faults_, "\n    ")
        );
    }

    std::string path_;
    std::filesystem::path folder_;
    Json plan_;
    std::size_t num_stages_ = 0;
    std::vector<std::string> faults_;
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

// growth/lifelong_plan.cpp
#include "growth/lifelong_plan.h"

#include <algorithm>
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
        expect_keys(plan_, "the plan", {"corpus", "out", "model", "defaults", "stages"});
        LifelongPlan plan;
        plan.corpus = (folder_ / text(plan_, "the plan", "corpus")).lexically_normal();
        plan.out = (folder_ / text(plan_, "the plan", "out")).lexically_normal();
        plan.model = options(plan_, "model");
        auto const defaults = options(plan_, "defaults");
        if (plan_.is_object() && plan_.contains("stages") && plan_["stages"].is_array()) {
            for (auto const& value : plan_["stages"]) {
                plan.stages.push_back(stage(value, defaults, plan.stages.empty()));
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
    LifelongStage stage(Json const& value, std::vector<Setting> const& defaults, bool is_first) {
        auto const where = fmt::format("stage {}", ++num_stages_);
        expect_keys(value, where, {"name", "languages", "expand", "options"});
        LifelongStage stage;
        stage.name = text(value, where, "name");
        bool const is_plain = std::ranges::all_of(stage.name, [](unsigned char c) {
            return std::isalnum(c) != 0 || c == '-' || c == '_';
        });
        if (!is_plain) {
            faults_.push_back(fmt::format(
                "{}: name \"{}\" may have letters, digits, '-' and '_' only", where, stage.name
            ));
        }
        stage.languages = list<std::string>(value, where, "languages");
        stage.options = defaults;
        for (auto& setting : options(value, "options")) {
            std::erase_if(stage.options, [&](Setting const& old) {
                return old.name == setting.name;
            });
            stage.options.push_back(std::move(setting));
        }
        stage.replay_share = take_replay_share(stage.options, where, is_first);
        if (value.is_object() && value.contains("expand") == is_first) {
            faults_.push_back(fmt::format(
                "{}: {}", where,
                is_first ? "the first stage is the base and cannot have \"expand\""
                         : "\"expand\" is missing; every stage after the first adds experts"
            ));
        } else if (!is_first && value.is_object()) {
            stage.expansion = expansion(value["expand"], where);
        }
        return stage;
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

    StageExpansion expansion(Json const& value, std::string const& where) {
        expect_keys(value, where + ": expand", {"experts", "router"});
        StageExpansion expansion;
        if (value.is_object() && value.contains("experts") &&
            value["experts"].is_number_integer()) {
            expansion.new_experts = {value["experts"].get<std::int32_t>()};
        } else {
            expansion.new_experts = list<std::int32_t>(value, where + ": expand", "experts");
        }
        if (value.is_object() && value.contains("router")) {
            expansion.router = text(value, where + ": expand", "router");
        }
        return expansion;
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

    std::vector<Setting> options(Json const& value, char const* key) {
        std::vector<Setting> found;
        if (value.is_object() && value.contains(key)) {
            for (auto const& [name, setting] : value[key].items()) {
                found.push_back({name, as_text(setting)});
            }
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

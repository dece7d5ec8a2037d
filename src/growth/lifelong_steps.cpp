// growth/lifelong_steps.cpp
#include "growth/lifelong_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/option_value.h"
#include "base/require.h"
#include "checkpoint/partial_checkpoint.h"

namespace isogloss {
namespace {

using Path = std::filesystem::path;
using Words = std::vector<std::string>;

constexpr std::int64_t kTrainSteps = 1000;  // of `isogloss train`, unless the plan says

std::string word(std::string const& name, std::string const& value) {
    return "--" + name + "=" + value;
}

std::string joined(std::vector<std::string> const& tags) {
    return fmt::format("{}", fmt::join(tags, ","));
}

void drop(std::vector<Setting>& settings, std::string const& name) {
    std::erase_if(settings, [&](Setting const& setting) { return setting.name == name; });
}

Setting const* setting_of(std::vector<Setting> const& settings, std::string const& name) {
    auto const found = std::ranges::find(settings, name, &Setting::name);
    return found == settings.end() ? nullptr : &*found;
}

// Builds the steps of one stage, following its model from step to step.
class StageSteps {
public:
    StageSteps(LifelongPlan const& plan, std::size_t stage, TrainedModel const& trained)
        : plan_(plan),
          stage_(plan.stages[stage]),
          index_(stage),
          folder_(plan.out / stage_.name),
          trained_(trained) {}

    std::vector<LifelongStep> build() {
        if (index_ > 0) {
            model_ = final_model(plan_, index_ - 1, trained_);
        } else if (!plan_.from.empty()) {
            model_ = plan_.from;
        } else {
            create();
        }
        auto const kind = index_ == 0 ? StageKind::base : StageKind::expansion;
        for (auto const& form : steps_of(stage_.recipe, kind)) {
            if (form.when == StepForm::When::always ||
                stage_.steps.contains(std::string(form.name))) {
                add(form);
            }
        }
        evaluate();
        return std::move(steps_);
    }

    [[nodiscard]] Path model() const { return model_; }

private:
    void create() {
        Words words{
            (folder_ / "created").string(), word("corpus", plan_.corpus.string()), "--quiet"};
        append(words, plan_.model);
        push("create", "model create", std::move(words), StepResult::checkpoint, "created");
        model_ = folder_ / "created";
    }

    void add(StepForm const& form) {
        auto const own = stage_.steps.find(std::string(form.name));
        auto const given = own == stage_.steps.end() ? std::vector<Setting>() : own->second;
        if (form.is_training()) {
            return train(form, given);
        }
        auto const settings = merged(form.presets, given);
        if (form.command == "expand apply") {
            return expand(form, settings);
        }
        if (form.command == "upcycle") {
            return upcycle(form, settings);
        }
        measure(form, settings);
    }

    // Steps that leave JSON.
    void measure(StepForm const& form, std::vector<Setting> const& settings) {
        Words words;
        std::string result = std::string(form.name) + ".json";
        if (form.command == "expand similarity") {
            words = {
                model_.string(), word("corpus", plan_.corpus.string()),
                word("new", joined(stage_.languages)),
                word("old", joined(plan_.languages_before(index_)))};
        } else if (form.command == "expand allocate") {
            words = {word("similarity", (folder_ / "similarity.json").string())};
        } else if (form.command == "expand scan") {
            words = {
                model_.string(), word("corpus", plan_.corpus.string()),
                word("languages", joined(stage_.languages))};
        } else if (form.command == "group probe") {
            words = {
                model_.string(), word("corpus", plan_.corpus.string()),
                word("languages", joined(stage_.languages))};
            result = "probe/similarity.json";
        } else if (form.command == "group layers") {
            words = {word("deviation", (folder_ / "probe" / "deviation.json").string())};
        } else {
            words = {word("similarity", (folder_ / "probe" / "similarity.json").string())};
        }
        auto const out = form.command == "group probe" ? folder_ / "probe" : folder_ / result;
        words.push_back(word("out", out.string()));
        words.emplace_back("--quiet");
        append(words, settings);
        push(form.name, form.command, std::move(words), StepResult::file, result);
    }

    void expand(StepForm const& form, std::vector<Setting> const& settings) {
        bool const grows = form.name == "expand";
        std::string const result = grows ? "grown" : "classified";
        Words words{word("from", model_.string()), word("to", (folder_ / result).string())};
        if (grows) {
            words.push_back(word("languages", joined(stage_.languages)));
        }
        if (grows && stage_.recipe == Recipe::layermoe) {
            words.push_back(word("allocation", (folder_ / "allocate.json").string()));
        }
        if (grows && stage_.recipe == Recipe::dmoe) {
            words.push_back(word("source-from", (folder_ / "scan.json").string()));
        }
        auto const* classifiers = setting_of(settings, "classifiers");
        if (classifiers != nullptr && classifiers->value.starts_with("top:")) {
            words.push_back(word("similarity", (folder_ / "similarity.json").string()));
        }
        words.emplace_back("--quiet");
        append(words, settings);
        push(form.name, form.command, std::move(words), StepResult::checkpoint, result);
        model_ = folder_ / result;
    }

    void upcycle(StepForm const& form, std::vector<Setting> const& settings) {
        Words words{
            model_.string(), word("layers-from", (folder_ / "layers.json").string()),
            word("groups", (folder_ / "cluster.json").string()),
            word("out", (folder_ / "upcycled").string()), "--quiet"};
        append(words, settings);
        push(form.name, form.command, std::move(words), StepResult::checkpoint, "upcycled");
        model_ = folder_ / "upcycled";
    }

    void train(StepForm const& form, std::vector<Setting> const& given) {
        auto const result = form.name == "train" ? "run" : "run-" + std::string(form.name);
        auto settings = merged(form.presets, stage_.options);
        settings = merged(std::move(settings), given);
        if (setting_of(given, "data.replay-share") == nullptr) {
            drop(settings, "data.replay-share");  // of the plan's defaults, for plain stages
        }
        auto languages = stage_.languages;
        std::vector<std::string> replayed;
        if (form.name == "train" && stage_.replay_share > 0.0) {
            replayed = plan_.languages_before(index_);
            settings.push_back({"data.replay-share", value_text(stage_.replay_share)});
        } else if (form.name == "review") {
            add_review(languages, replayed, settings);
        } else if (form.name == "experts") {
            add_earlier_classifiers(settings, given);
        }
        Words words{
            word("run.from", model_.string()), word("run.out", (folder_ / result).string()),
            word("data.corpus", plan_.corpus.string()), word("data.languages", joined(languages))};
        if (!replayed.empty()) {
            words.push_back(word("data.replay-languages", joined(replayed)));
        }
        append(words, settings);
        push(form.name, form.command, std::move(words), StepResult::run, result);
        model_ = trained_(folder_ / result, settings);
    }

    // All languages so far: those of the base are replayed, the others learn on.
    void add_review(
        std::vector<std::string>& languages,
        std::vector<std::string>& replayed,
        std::vector<Setting>& settings
    ) const {
        auto const& base = plan_.stages[0].languages;
        auto const before = plan_.languages_before(index_);
        replayed = base;
        for (auto i = base.size(); i < before.size(); ++i) {
            languages.push_back(before[i]);
        }
        auto const& old = stage_.old == OldLanguages::base ? base : before;
        if (setting_of(settings, "data.old-languages") == nullptr) {
            settings.push_back({"data.old-languages", joined(old)});
        }
        bool const classifies = stage_.steps.contains("classify");
        if (classifies && setting_of(settings, "train.classifier-coef") == nullptr) {
            settings.push_back({"train.classifier-coef", "0.1"});
        }
    }

    void add_earlier_classifiers(std::vector<Setting>& settings, std::vector<Setting> const& given)
        const {
        if (stage_.earlier_classifiers == EarlierClassifiers::released) {
            std::vector<Setting> const released{
                {"train.classifiers", "on"}, {"train.class-one-experts", "old"}};
            settings = merged(merged(std::move(settings), released), given);
        }
    }

    void evaluate() {
        auto const result = "scores-" + model_.filename().string() + ".json";
        Words words{
            model_.string(),
            word("corpus", plan_.corpus.string()),
            word("languages", joined(plan_.all_languages())),
            "--shares",
            word("out", (folder_ / result).string()),
            "--quiet"};
        std::vector<Setting> settings;
        if (auto const* length = setting_of(stage_.options, "train.row-length");
            length != nullptr) {
            settings.push_back({"row-length", length->value});
        }
        if (auto const* most = setting_of(stage_.options, "train.evaluate-tokens");
            most != nullptr) {
            settings.push_back({"max-tokens", most->value});
        }
        append(words, merged(std::move(settings), plan_.evaluate));
        push("evaluate", "evaluate", std::move(words), StepResult::file, result);
    }

    void push(
        std::string_view name,
        std::string_view command,
        Words words,
        StepResult kind,
        std::string const& result
    ) {
        steps_.push_back(
            {std::string(name), std::string(command), std::move(words), kind, folder_ / result,
             model_}
        );
    }

    static void append(Words& words, std::vector<Setting> const& settings) {
        for (auto const& [name, value] : settings) {
            words.push_back(word(name, value));
        }
    }

    LifelongPlan const& plan_;
    LifelongStage const& stage_;
    std::size_t index_;
    Path folder_;
    TrainedModel const& trained_;
    Path model_;
    std::vector<LifelongStep> steps_;
};

}  // namespace

Path planned_checkpoint(Path const& run, std::vector<Setting> const& options) {
    auto steps = kTrainSteps;
    if (auto const* given = setting_of(options, "train.steps"); given != nullptr) {
        auto const expected = read_value(given->value, steps);
        require_usage(expected.empty(), "train.steps = {}: must be {}", given->value, expected);
    }
    return run / "checkpoints" / step_folder(steps);
}

std::vector<LifelongStep> stage_steps(
    LifelongPlan const& plan, std::size_t stage, TrainedModel const& trained
) {
    return StageSteps(plan, stage, trained).build();
}

Path final_model(LifelongPlan const& plan, std::size_t stage, TrainedModel const& trained) {
    StageSteps steps(plan, stage, trained);
    steps.build();
    return steps.model();
}

}  // namespace isogloss

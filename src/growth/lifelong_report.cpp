// growth/lifelong_report.cpp
#include "growth/lifelong_report.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/require.h"

namespace isogloss {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Of the numbers among them.
class Mean {
public:
    void add(double value) {
        if (std::isfinite(value)) {
            sum_ += value;
            ++count_;
        }
    }
    [[nodiscard]] double value() const { return count_ > 0 ? sum_ / count_ : kNone; }

private:
    double sum_ = 0.0;
    int count_ = 0;
};

// c(l), or the number of stages: never learned.
std::size_t learned_in(LifelongReport const& report, std::string const& language) {
    auto const found = std::ranges::find_if(report.stages, [&](StageResult const& stage) {
        return std::ranges::find(stage.languages, language) != stage.languages.end();
    });
    return static_cast<std::size_t>(found - report.stages.begin());
}

// {language: number of each stage}
template <class Number>
Json by_stage(LifelongReport const& report, Number const& number) {
    Json matrix = Json::object();
    for (auto const& [language, learned] : report.languages()) {
        Json row = Json::array();
        for (std::size_t stage = 0; stage < report.stages.size(); ++stage) {
            row.push_back(number(language, stage));
        }
        matrix[language] = std::move(row);
    }
    return matrix;
}

// {language: number}, of the languages that have it.
template <class Number>
Json by_language(LifelongReport const& report, Number const& number) {
    Json list = Json::object();
    for (auto const& [language, learned] : report.languages()) {
        auto const value = number(language);
        if (std::isfinite(value)) {
            list[language] = value;
        }
    }
    return list;
}

Json stages_to_json(LifelongReport const& report) {
    Json stages = Json::array();
    for (auto const& stage : report.stages) {
        stages.push_back(
            {{"name", stage.name},
             {"languages", stage.languages},
             {"bits_per_byte", stage.bits_per_byte},
             {"checkpoint", stage.checkpoint},
             {"new_experts", stage.new_experts},
             {"growth_bytes", stage.growth_bytes},
             {"old_experts", stage.old_experts},
             {"old_experts_kept", stage.old_experts_kept},
             {"backbone_tensors", stage.backbone_tensors},
             {"backbone_kept", stage.backbone_kept}}
        );
    }
    return stages;
}

}  // namespace

double LifelongReport::score(std::string const& language, std::size_t stage) const {
    auto const& scores = stages.at(stage).bits_per_byte;
    auto const found = scores.find(language);
    return found == scores.end() ? kNone : found->second;
}

double LifelongReport::forgetting(std::string const& language) const {
    return stages.empty() ? kNone : forgetting(language, stages.size() - 1);
}

double LifelongReport::forgetting(std::string const& language, std::size_t stage) const {
    auto const learned = learned_in(*this, language);
    return stage < learned ? kNone : score(language, stage) - score(language, learned);
}

double LifelongReport::forgetting_from_best(std::string const& language) const {
    auto best = kNone;
    for (auto s = learned_in(*this, language); s + 1 < stages.size(); ++s) {
        best = std::fmin(best, score(language, s));  // of a number and none: the number
    }
    return stages.empty() ? kNone : score(language, stages.size() - 1) - best;
}

double LifelongReport::zero_shot_effect(std::string const& language, std::size_t stage) const {
    bool const unlearned = stage >= 1 && stage < learned_in(*this, language);
    return unlearned ? score(language, stage - 1) - score(language, stage) : kNone;
}

double LifelongReport::forward_transfer(std::string const& language) const {
    auto const learned = learned_in(*this, language);
    bool const exists = learned > 1 && learned < stages.size();
    return exists ? score(language, 0) - score(language, learned - 1) : kNone;
}

double LifelongReport::learning_gain(std::string const& language) const {
    auto const learned = learned_in(*this, language);
    bool const exists = learned > 0 && learned < stages.size();
    return exists ? score(language, learned - 1) - score(language, learned) : kNone;
}

double LifelongReport::mean_backward_transfer() const {
    Mean mean;
    for (auto const& [language, learned] : languages()) {
        mean.add(learned + 1 < stages.size() ? -forgetting(language) : kNone);
    }
    return mean.value();
}

double LifelongReport::mean_forward_transfer() const {
    Mean mean;
    for (auto const& [language, learned] : languages()) {
        mean.add(forward_transfer(language));
    }
    return mean.value();
}

double LifelongReport::mean_forgetting(std::size_t learned, std::size_t stage) const {
    Mean mean;
    for (auto const& language : stages.at(learned).languages) {
        mean.add(forgetting(language, stage));
    }
    return mean.value();
}

std::vector<std::pair<std::string, std::size_t>> LifelongReport::languages() const {
    std::vector<std::pair<std::string, std::size_t>> learned;
    for (std::size_t i = 0; i < stages.size(); ++i) {
        for (auto const& language : stages[i].languages) {
            learned.emplace_back(language, i);
        }
    }
    return learned;
}

Table language_table(LifelongReport const& report) {
    std::vector<std::string> header{"language", "learned in"};
    for (auto const& stage : report.stages) {
        header.push_back("after " + stage.name);
    }
    header.emplace_back("forgetting");
    Table table(header);
    for (auto const& [language, learned] : report.languages()) {
        std::vector<std::string> row{language, report.stages[learned].name};
        for (std::size_t i = 0; i < report.stages.size(); ++i) {
            row.push_back(decimal_text(report.score(language, i), 3));
        }
        row.push_back(
            learned + 1 < report.stages.size() ? decimal_text(report.forgetting(language), 3) : ""
        );
        table.add_row(std::move(row));
    }
    return table;
}

Table forgetting_table(LifelongReport const& report) {
    std::vector<std::string> header{"learned in"};
    for (std::size_t i = 1; i < report.stages.size(); ++i) {
        header.push_back("after " + report.stages[i].name);
    }
    Table table(header);
    for (std::size_t learned = 0; learned + 1 < report.stages.size(); ++learned) {
        std::vector<std::string> row{report.stages[learned].name};
        for (std::size_t i = 1; i < report.stages.size(); ++i) {
            row.push_back(i > learned ? decimal_text(report.mean_forgetting(learned, i), 3) : "");
        }
        table.add_row(std::move(row));
    }
    return table;
}

Table transfer_table(LifelongReport const& report) {
    Table table(
        {"language", "learned in", "forward transfer", "learning gain", "forgetting", "from best"}
    );
    for (auto const& [language, learned] : report.languages()) {
        bool const can_forget = learned + 1 < report.stages.size();
        table.add_row(
            {language, report.stages[learned].name,
             learned > 1 ? decimal_text(report.forward_transfer(language), 3) : "",
             learned > 0 ? decimal_text(report.learning_gain(language), 3) : "",
             can_forget ? decimal_text(report.forgetting(language), 3) : "",
             can_forget ? decimal_text(report.forgetting_from_best(language), 3) : ""}
        );
    }
    table.add_rule();
    Mean gain;
    Mean from_best;
    for (auto const& [language, learned] : report.languages()) {
        gain.add(report.learning_gain(language));
        from_best.add(report.forgetting_from_best(language));
    }
    table.add_row(
        {"mean", "", decimal_text(report.mean_forward_transfer(), 3), decimal_text(gain.value(), 3),
         decimal_text(-report.mean_backward_transfer(), 3), decimal_text(from_best.value(), 3)}
    );
    return table;
}

Table growth_table(LifelongReport const& report) {
    Table table({"stage", "new experts", "bytes written", "old experts equal", "backbone equal"});
    for (std::size_t i = 1; i < report.stages.size(); ++i) {
        auto const& stage = report.stages[i];
        table.add_row(
            {stage.name, std::to_string(stage.new_experts), std::to_string(stage.growth_bytes),
             fmt::format("{} of {}", stage.old_experts_kept, stage.old_experts),
             fmt::format("{} of {} tensors", stage.backbone_kept, stage.backbone_tensors)}
        );
    }
    return table;
}

Json to_json(LifelongReport const& report) {
    auto const final_forgetting = [&](std::string const& language) {
        bool const can_forget = learned_in(report, language) + 1 < report.stages.size();
        return can_forget ? report.forgetting(language) : kNone;
    };
    return {
        {"stages", stages_to_json(report)},
        {"forgetting", by_language(report, final_forgetting)},
        {"forgetting_from_best",
         by_language(report, [&](auto const& l) { return report.forgetting_from_best(l); })},
        {"forgetting_after_stage",
         by_stage(report, [&](auto const& l, std::size_t s) { return report.forgetting(l, s); })},
        {"zero_shot_effect",
         by_stage(
             report, [&](auto const& l, std::size_t s) { return report.zero_shot_effect(l, s); }
         )},
        {"forward_transfer",
         by_language(report, [&](auto const& l) { return report.forward_transfer(l); })},
        {"learning_gain",
         by_language(report, [&](auto const& l) { return report.learning_gain(l); })},
        {"mean_forward_transfer", report.mean_forward_transfer()},
        {"mean_backward_transfer", report.mean_backward_transfer()}};
}

}  // namespace isogloss

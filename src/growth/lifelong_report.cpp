// growth/lifelong_report.cpp
#include "growth/lifelong_report.h"

#include <limits>

#include "base/require.h"

namespace isogloss {

double LifelongReport::score(std::string const& language, std::size_t stage) const {
    auto const& scores = stages.at(stage).bits_per_byte;
    auto const found = scores.find(language);
    return found == scores.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
}

double LifelongReport::forgetting(std::string const& language) const {
    for (auto const& [learned, stage] : languages()) {
        if (learned == language) {
            return score(language, stages.size() - 1) - score(language, stage);
        }
    }
    return std::numeric_limits<double>::quiet_NaN();
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
    Json forgetting = Json::object();
    for (auto const& [language, learned] : report.languages()) {
        if (learned + 1 < report.stages.size()) {
            forgetting[language] = report.forgetting(language);
        }
    }
    return {{"stages", std::move(stages)}, {"forgetting", std::move(forgetting)}};
}

}  // namespace isogloss

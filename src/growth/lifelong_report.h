// growth/lifelong_report.h - what a lifelong run did to each language, and to the old experts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/table.h"

namespace isogloss {

/// One finished stage.
struct StageResult {
    std::string name;
    std::vector<std::string> languages;           ///< learned in this stage
    std::map<std::string, double> bits_per_byte;  ///< of every language of the plan, after it
    std::string checkpoint;                       ///< folder, as text
    std::int32_t new_experts = 0;
    std::int64_t growth_bytes = 0;      ///< that `expand apply` wrote
    std::int64_t old_experts = 0;       ///< experts of the stage before
    std::int64_t old_experts_kept = 0;  ///< of these, equal by hash after this stage
    std::int64_t backbone_tensors = 0;  ///< of the stage before
    std::int64_t backbone_kept = 0;
};

struct LifelongReport {
    std::vector<StageResult> stages;

    /// Bits per byte of `language` after stage `stage`; not a number where it was not scored.
    [[nodiscard]] double score(std::string const& language, std::size_t stage) const;
    /// Bits per byte now minus those after the stage that learned the language: > 0 is loss.
    [[nodiscard]] double forgetting(std::string const& language) const;
    /// Languages in the order they were learned, with the stage that learned them.
    [[nodiscard]] std::vector<std::pair<std::string, std::size_t>> languages() const;
};

/// A row a language, a column a stage, and what was forgotten.
Table language_table(LifelongReport const& report);
/// A row a stage: experts added, bytes written, old experts and backbone kept.
Table growth_table(LifelongReport const& report);

Json to_json(LifelongReport const& report);

}  // namespace isogloss

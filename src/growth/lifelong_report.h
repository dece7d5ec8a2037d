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

/// Let b[l][s] be the bits per byte of held-out text of language l after stage s (0: the base; S-1:
/// the last), lower is better, and c(l) the stage that learned l. After Lopez-Paz and Ranzato 2017
/// (GEM, arXiv:1706.08840, section 2), whose R[s][l] is an accuracy: here a gain is a fall of b,
/// and the place of their untrained model takes the base, which no expansion has touched yet.
///
///     forgetting            f(l, s) = b[l][s] - b[l][c(l)]              s >= c(l); > 0 is loss
///     forgetting from best  b[l][S-1] - min over c(l) <= s < S-1 of b[l][s]
///                           (Chaudhry et al. 2018, arXiv:1801.10112, eq. 3)
///     backward transfer     mean over l with c(l) < S-1 of -f(l, S-1)   GEM's BWT; > 0 is gain
///     zero-shot effect      z(l, s) = b[l][s-1] - b[l][s]   1 <= s < c(l): what a stage that does
///     not
///                           learn l does for it; > 0 is gain
///     forward transfer      b[l][0] - b[l][c(l)-1] = sum of z(l, s)     c(l) > 1; > 0 is gain
///                           GEM's FWT is its mean over l with c(l) > 1
///     learning gain         b[l][c(l)-1] - b[l][c(l)]                   c(l) >= 1
///
/// What is not defined, or was not scored, is not a number (null in JSON, "-" in tables).
struct LifelongReport {
    std::vector<StageResult> stages;

    /// b[l][s]
    [[nodiscard]] double score(std::string const& language, std::size_t stage) const;
    /// f(l, S-1)
    [[nodiscard]] double forgetting(std::string const& language) const;
    /// f(l, s)
    [[nodiscard]] double forgetting(std::string const& language, std::size_t stage) const;
    [[nodiscard]] double forgetting_from_best(std::string const& language) const;
    /// z(l, s)
    [[nodiscard]] double zero_shot_effect(std::string const& language, std::size_t stage) const;
    [[nodiscard]] double forward_transfer(std::string const& language) const;
    [[nodiscard]] double learning_gain(std::string const& language) const;

    /// Means over the languages that have the number.
    [[nodiscard]] double mean_backward_transfer() const;
    [[nodiscard]] double mean_forward_transfer() const;
    /// Mean of f(l, s) over the languages l learned in stage `learned`.
    [[nodiscard]] double mean_forgetting(std::size_t learned, std::size_t stage) const;

    /// Languages in the order they were learned, with the stage that learned them.
    [[nodiscard]] std::vector<std::pair<std::string, std::size_t>> languages() const;
};

/// A row a language, a column a stage, and what was forgotten.
Table language_table(LifelongReport const& report);
/// A row a stage: mean forgetting of the languages it learned, after each later stage.
Table forgetting_table(LifelongReport const& report);
/// A row a language: forward transfer, learning gain, forgetting; last the means.
Table transfer_table(LifelongReport const& report);
/// A row a stage: experts added, bytes written, old experts and backbone kept.
Table growth_table(LifelongReport const& report);

Json to_json(LifelongReport const& report);

}  // namespace isogloss

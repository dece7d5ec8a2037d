// train/evaluation_change.h - what lies between two evaluations: scores, and where routers send
// tokens.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/table.h"
#include "train/evaluation_record.h"

namespace isogloss {

/// How one language's choices in one layer moved. Experts keep their numbers when a model grows, so
/// a_e and b_e are the shares of the same expert before and after, for the E experts that there
/// were before; the others are new. A layer that had one expert then had a_0 = 1.
struct RoutingMove {
    /// Share of choices that went to new experts: n = sum over e >= E of b_e, in [0, 1].
    double to_new = 0.0;
    /// Total variation distance among the old ones, in [0, 1]: 1/2 sum over e < E of
    /// |a_e - b_e / (1 - n)|. Not a number where n = 1: no choice is left to compare.
    double among_old = 0.0;
};

struct LayerMoves {
    std::int32_t layer = 0;
    std::int32_t old_experts = 0;
    std::int32_t experts = 0;
    std::map<std::string, RoutingMove> moves;  ///< of each language that both evaluations have
};

struct LanguageChange {
    std::string language;
    double before = 0.0;  ///< bits per byte
    double after = 0.0;

    /// > 0: worse than before.
    [[nodiscard]] double change() const { return after - before; }
};

struct EvaluationChange {
    std::vector<LanguageChange> languages;  ///< in both, in the order of the second
    std::vector<LayerMoves> layers;         ///< routed after; empty unless both have shares

    /// Means over the layers; not a number without layers.
    [[nodiscard]] RoutingMove mean_move(std::string const& language) const;
};

/// @throws Error  (data) when their protocols differ, when no language is in both or one was scored
///                on other text, or when a layer lost experts: the second is then the older one
EvaluationChange evaluation_change(EvaluationRecord const& before, EvaluationRecord const& after);

/// A row a language: bits per byte before and after, and mean moves.
Table to_table(EvaluationChange const& change);
/// A row a layer, a column a language: "to new / among old" in per cent.
Table layer_table(EvaluationChange const& change);

/// {"languages": {"el": {"bits_per_byte": {"before": ..., "after": ..., "change": ...},
///                       "to_new": ..., "among_old": ...}},
///  "layers": [{"layer": 3, "old_experts": 2, "experts": 4,
///              "to_new": {"el": ...}, "among_old": {"el": ...}}]}
Json to_json(EvaluationChange const& change);

}  // namespace isogloss

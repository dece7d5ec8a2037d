// train/evaluation_record.h - an evaluation as JSON: written by `evaluate`, read by what compares.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "train/evaluation.h"
#include "train/routing_shares.h"

namespace isogloss {

struct EvaluationRecord {
    std::string checkpoint;          ///< folder, as text, for people
    Json protocol = Json::object();  ///< all that scores depend on but the model and its routing
    Json routing = Json::object();   ///< how tokens were routed
    std::vector<LanguageScore> scores;
    std::optional<RoutingShares> shares;
};

/// Of a request: {"name": "rows", "split": "valid", ...}, {"mode": "soft", ...}.
Json protocol_json(EvaluationRequest const& request);
Json routing_json(EvaluationRequest const& request);

/// {"checkpoint": ..., "protocol": {...}, "routing": {...}, "languages": {"el": {"loss": ...,
/// ...}},
///  "shares": {...}}; the last only where there are any.
Json to_json(EvaluationRecord const& record);

/// @throws Error  (data) naming file and key
EvaluationRecord read_evaluation(std::filesystem::path const& path);

}  // namespace isogloss

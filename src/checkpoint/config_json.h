// checkpoint/config_json.h - a model's config as the "model" part of a manifest.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "model/config.h"

namespace isogloss {

/// All values; each expert with its number, generation, parent, group, and whether it trains.
Json config_to_json(ModelConfig const& config);

/// The reverse. Appends to `faults` what is missing or of the wrong kind; the rules between values
/// are those of problems(config).
ModelConfig config_from_json(
    Json const& value, std::string const& where, std::vector<std::string>& faults
);

}  // namespace isogloss

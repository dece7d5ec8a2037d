// cli/model_parts.h - the sizes of a model's parts, as a table and as JSON.
#pragma once

#include <string>

#include "base/json.h"
#include "model/model_size.h"

namespace isogloss {

/// {"parameters": N, "active": N, "trainable": N, "bytes": N}
Json to_json(PartSize const& size);

/// Backbone, routers, experts and their sum: parameters, those active for a token, trainable
/// ones, bytes.
std::string parts_table(ModelSize const& size);

}  // namespace isogloss

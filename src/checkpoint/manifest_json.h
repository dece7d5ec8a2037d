// checkpoint/manifest_json.h - the parts of a manifest as JSON, and back.
#pragma once

#include "base/json.h"
#include "checkpoint/fault_list.h"
#include "checkpoint/manifest.h"

namespace isogloss {

Json info_to_json(CheckpointInfo const& info);
Json tensor_to_json(TensorRecord const& tensor);

/// Adds a fault for each key that is missing or has no such value. What it reads is not checked
/// against the model: see manifest_check.h.
Manifest manifest_from_json(Json const& value, FaultList& faults);

}  // namespace isogloss

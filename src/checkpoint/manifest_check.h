// checkpoint/manifest_check.h - do a manifest's shards and tensors make up its model?
#pragma once

#include "checkpoint/fault_list.h"
#include "checkpoint/manifest.h"

namespace isogloss {

/// Adds a fault for each tensor that is missing, unknown, listed twice, of another shape or type,
/// or in no listed shard with room for it, and for each shard listed twice. The config has no
/// problems.
void check_contents(Manifest const& manifest, FaultList& faults);

}  // namespace isogloss

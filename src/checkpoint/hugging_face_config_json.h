// checkpoint/hugging_face_config_json.h - the config.json of an exported model.
#pragma once

#include "base/json.h"
#include "checkpoint/hugging_face_form.h"
#include "model/config.h"

namespace isogloss {

/// For a model without obstacles to this form; parse_hugging_face_config reads it back where the
/// form is one that is read. Names of fields are those that versions 4 and 5 both understand.
Json hugging_face_config(ForeignForm form, ModelConfig const& config);

}  // namespace isogloss

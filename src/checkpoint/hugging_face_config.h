// checkpoint/hugging_face_config.h - a model's config.json, as transformers writes it, understood.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/hugging_face_form.h"
#include "model/config.h"

namespace isogloss {

/// What a config.json describes.
struct ForeignModel {
    ForeignForm form = ForeignForm::llama;
    std::string kind;    ///< "model_type" as it was given
    ModelConfig config;  ///< the type of its weights is not said here but by the files
    std::vector<std::string> ignored;  ///< fields that make no difference to the mathematics
};

/// Reads "model_type" llama, mistral, qwen2, qwen3, gemma, bloom, mixtral, qwen2_moe or qwen3_moe,
/// with the defaults of transformers for fields that are not there.
///
/// @param waved_through  fields that are to be ignored although nothing is known about them
/// @param source         named in the errors
/// @throws Error  (data) with every fault: another model_type, fields that are missing or cannot
///         be, fields of mathematics that this program has not, fields that it does not know
ForeignModel parse_hugging_face_config(
    Json const& json, std::vector<std::string> const& waved_through, std::string const& source
);

}  // namespace isogloss

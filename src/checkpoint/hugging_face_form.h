// checkpoint/hugging_face_form.h - the classes of transformers that models are written for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/config.h"

namespace isogloss {

/// Each has its names of tensors, its order of rows and its config.json.
enum class ForeignForm : std::uint8_t {
    llama,
    mistral,
    qwen2,
    qwen3,
    gemma,
    bloom,
    mixtral,
    qwen2_moe,
    qwen3_moe,
    ernie4_5_moe,  ///< written only: its routers can close experts
    isogloss,      ///< written only: the modelling file of this project
};

/// "llama": the model_type.
char const* name_of(ForeignForm form);
std::optional<ForeignForm> foreign_form(std::string_view name);

/// What a form cannot say of this model, one sentence each; empty: it computes the same function.
std::vector<std::string> obstacles(ForeignForm form, ModelConfig const& config);

/// Hidden width of the shared expert that qwen2_moe has in every routed layer: the model's. 1 where
/// the model has none: one unit whose output is 0.
std::int64_t foreign_shared_hidden(ModelConfig const& config);

/// The first stock class without obstacles, dense before routed; else isogloss.
ForeignForm fitting_form(ModelConfig const& config);

}  // namespace isogloss

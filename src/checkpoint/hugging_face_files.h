// checkpoint/hugging_face_files.h - what lies beside the weights of an exported model.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/manifest.h"

namespace isogloss {

/// Copies the files of a tokenizer (tokenizer.json, tokenizer.model, their configs and templates,
/// generation_config.json) that lie in `folder`. Returns their names.
/// @throws Error  (data) when the tokenizer there is not the checkpoint's; (environment)
std::vector<std::string> copy_tokenizer_files(
    std::filesystem::path const& folder, CheckpointInfo const& info, std::filesystem::path const& to
);

/// bos_token_id, eos_token_id and pad_token_id of `folder`/config.json, where it has them.
void add_special_tokens(std::filesystem::path const& folder, Json& config);

/// Writes configuration_isogloss.py and modeling_isogloss.py. Returns their names.
std::vector<std::string> write_modelling_files(std::filesystem::path const& to);

}  // namespace isogloss

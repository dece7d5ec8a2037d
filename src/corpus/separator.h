// corpus/separator.h - which token of a tokenizer.json begins a document.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "corpus/hugging_face.h"

namespace isogloss {

/// The bos_token, else the eos_token, of tokenizer_config.json or else special_tokens_map.json in
/// the folder of `file`; where neither names a token of the vocabulary, the first of the usual
/// names that is a special one, those that begin a text before those that end it. None without any.
/// @throws Error  (data) when one of those files is no JSON
std::optional<std::int32_t> find_separator(
    HuggingFace const& tokenizer, std::filesystem::path const& file
);

}  // namespace isogloss

// checkpoint/hugging_face_files.cpp
#include "checkpoint/hugging_face_files.h"

#include <isogloss_modelling.h>

#include <system_error>

#include "base/file.h"
#include "base/require.h"
#include "corpus/tokenizer.h"

namespace isogloss {

std::vector<std::string> copy_tokenizer_files(
    std::filesystem::path const& folder, CheckpointInfo const& info, std::filesystem::path const& to
) {
    auto const found = Tokenizer::open(folder.string(), info.separator).sha256();
    require_data(
        found == info.tokenizer_sha256,
        "{}: its tokenizer hashes to {}, the model has {} ({}); give the folder of the model's own",
        folder.string(), found, info.tokenizer_sha256, info.tokenizer_kind
    );
    std::vector<std::string> copied;
    for (std::string const name :
         {"tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json",
          "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja",
          "chat_template.json", "generation_config.json"}) {
        std::error_code error;
        if (!std::filesystem::exists(folder / name, error)) {
            continue;
        }
        std::filesystem::copy_file(folder / name, to / name, error);
        require_environment(
            !error, "{}: cannot be copied to {}: {}", (folder / name).string(), to.string(),
            error.message()
        );
        copied.push_back(name);
    }
    return copied;
}

void add_special_tokens(std::filesystem::path const& folder, Json& config) {
    std::error_code error;
    auto const path = folder / "config.json";
    if (folder.empty() || !std::filesystem::exists(path, error)) {
        return;
    }
    auto const other = read_json(path);
    for (auto const* key : {"bos_token_id", "eos_token_id", "pad_token_id"}) {
        if (other.is_object() && other.contains(key)) {
            config[key] = other[key];
        }
    }
}

std::vector<std::string> write_modelling_files(std::filesystem::path const& to) {
    write_file(to / "configuration_isogloss.py", kConfigurationFile);
    write_file(to / "modeling_isogloss.py", kModellingFile);
    return {"configuration_isogloss.py", "modeling_isogloss.py"};
}

}  // namespace isogloss

// corpus/separator.cpp
#include "corpus/separator.h"

#include <string>

#include "base/json.h"

namespace isogloss {
namespace {

constexpr std::array kUsualNames{
    "<|begin_of_text|>", "<|startoftext|>", "<bos>", "<s>",  "[BOS]", "<｜begin▁of▁sentence｜>",
    "<|endoftext|>",     "<|end_of_text|>", "<eos>", "</s>", "[EOS]", "<｜end▁of▁sentence｜>"};

// "bos_token": "<s>", or "bos_token": {"content": "<s>", ...}.
std::string token_of(Json const& config, char const* key) {
    if (!config.is_object() || !config.contains(key)) {
        return {};
    }
    auto const& value = config[key];
    auto const& content = value.is_object() && value.contains("content") ? value["content"] : value;
    return content.is_string() ? content.get<std::string>() : std::string();
}

}  // namespace

std::optional<std::int32_t> find_separator(
    HuggingFace const& tokenizer, std::filesystem::path const& file
) {
    for (auto const* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
        auto const path = file.parent_path() / name;
        if (!std::filesystem::exists(path)) {
            continue;
        }
        auto const config = read_json(path);
        for (auto const* key : {"bos_token", "eos_token"}) {
            if (auto const id = tokenizer.find(token_of(config, key)); id.has_value()) {
                return id;
            }
        }
    }
    for (auto const* name : kUsualNames) {
        if (auto const id = tokenizer.find(name); id.has_value() && tokenizer.is_special(*id)) {
            return id;
        }
    }
    return std::nullopt;
}

}  // namespace isogloss

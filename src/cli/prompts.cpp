// cli/prompts.cpp
#include "cli/prompts.h"

#include <charconv>
#include <fstream>
#include <string_view>

#include "base/require.h"
#include "checkpoint/load.h"
#include "corpus/corpus.h"

namespace isogloss {
namespace {

std::vector<std::string_view> parts_of(std::string_view text, char border) {
    std::vector<std::string_view> parts;
    while (true) {
        auto const end = text.find(border);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

Tokens parse_ids(std::string_view text) {
    Tokens ids;
    for (auto const part : parts_of(text, ',')) {
        std::int32_t id = 0;
        auto const* const end = part.data() + part.size();
        auto const read = std::from_chars(part.data(), end, id);
        require_usage(
            read.ec == std::errc() && read.ptr == end && id >= 0,
            "tokens: \"{}\" is no id; write 1,2,3 and ';' between prompts", part
        );
        ids.push_back(id);
    }
    return ids;
}

std::vector<std::string> lines_of(std::filesystem::path const& path) {
    std::ifstream file(path, std::ios::binary);
    require_data(file.is_open(), "{}: cannot be read", path.string());
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) {
        if (!line.empty()) {
            lines.push_back(line);
        }
    }
    require_data(!file.bad(), "{}: cannot be read to its end", path.string());
    require_usage(!lines.empty(), "{}: holds no line, so there is no prompt", path.string());
    return lines;
}

}  // namespace

void PromptOptions::describe(Options& options) {
    options.add("prompt", text, "text to go on from");
    options.add("prompt-file", file, "file with a prompt on each line; empty lines are none");
    options.add(
        "tokens", tokens,
        "ids to go on from, 1,2,3, read as they are; ';' between prompts. Text has the separator "
        "before it, as documents have"
    );
    options.add(
        "tokenizer", tokenizer,
        "`bytes`, a SentencePiece model, or a tokenizer.json; needed for text, unless corpus is "
        "given or the model's is `bytes`"
    );
    options.add("corpus", corpus, "take the tokenizer of this corpus");
    options.add_check([this] {
        std::vector<std::string> faults;
        int const given =
            (text.empty() ? 0 : 1) + (file.empty() ? 0 : 1) + (tokens.empty() ? 0 : 1);
        if (given != 1) {
            faults.push_back(
                fmt::format("{} of prompt, prompt-file and tokens are given: give one", given)
            );
        }
        if (!tokenizer.empty() && !corpus.empty()) {
            faults.emplace_back("give either tokenizer or corpus");
        }
        return faults;
    });
}

std::optional<Tokenizer> tokenizer_of(
    PromptOptions const& options, StoredCheckpoint const& checkpoint
) {
    auto const& info = checkpoint.manifest.info;
    std::optional<Tokenizer> tokenizer;
    if (!options.corpus.empty()) {
        Corpus const corpus(options.corpus);
        tokenizer = Tokenizer::open(corpus.tokenizer_name(), corpus.manifest().separator);
    } else if (!options.tokenizer.empty()) {
        tokenizer = Tokenizer::open(options.tokenizer, info.separator);
    } else if (info.tokenizer_kind == "bytes") {
        tokenizer = Tokenizer::open("bytes");
    }
    require_usage(
        tokenizer || !options.tokens.empty(),
        "the model's tokenizer is of kind {} and not stored with it: name it with --tokenizer or "
        "--corpus, or give --tokens",
        info.tokenizer_kind
    );
    if (tokenizer) {
        require_tokenizer(checkpoint, tokenizer->sha256(), tokenizer->separator(), "the tokenizer");
    }
    return tokenizer;
}

Prompts read_prompts(PromptOptions const& options, std::optional<Tokenizer> const& tokenizer) {
    Prompts prompts;
    if (!options.tokens.empty()) {
        for (auto const part : parts_of(options.tokens, ';')) {
            prompts.tokens.push_back(parse_ids(part));
        }
        prompts.texts.resize(prompts.tokens.size());
        return prompts;
    }
    prompts.texts = options.file.empty() ? std::vector{options.text} : lines_of(options.file);
    for (auto const& text : prompts.texts) {
        tokenizer->encode_document(text, prompts.tokens.emplace_back());
    }
    return prompts;
}

}  // namespace isogloss

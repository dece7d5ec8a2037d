// cli/tokenizer_info.cpp
#include <cstdio>
#include <string>

#include "base/json.h"
#include "cli/commands.h"
#include "corpus/tokenizer.h"

namespace isogloss {
namespace {

struct TokenizerInfoConfig {
    std::string tokenizer;
    std::string separator;
    bool json = false;
};

void describe(Options& options, TokenizerInfoConfig& config) {
    options.add_positional(
        "tokenizer", config.tokenizer, "`bytes`, a SentencePiece model, or a tokenizer.json"
    );
    options.add("separator", config.separator, "token that begins documents; none: its own");
    options.add("json", config.json, "print one JSON document");
}

}  // namespace

Exit run_tokenizer_info(Arguments const& arguments) {
    TokenizerInfoConfig config;
    Options options("tokenizer info", "What a tokenizer is.");
    describe(options, config);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    auto const tokenizer = Tokenizer::open(config.tokenizer, config.separator);
    if (config.json) {
        Json const value{
            {"tokenizer", config.tokenizer},
            {"kind", tokenizer.kind()},
            {"vocab_size", tokenizer.vocab_size()},
            {"separator", tokenizer.separator()},
            {"separator_text", tokenizer.separator_text()},
            {"sha256", tokenizer.sha256()}};
        std::puts(value.dump(2).c_str());
    } else {
        fmt::print(
            "kind        {}\nvocabulary  {}\nseparator   {} {}\nsha256      {}\n", tokenizer.kind(),
            tokenizer.vocab_size(), tokenizer.separator(), tokenizer.separator_text(),
            tokenizer.sha256()
        );
    }
    return Exit::done;
}

}  // namespace isogloss

// cli/tokenizer.cpp
#include <cstdio>
#include <filesystem>

#include "base/clock.h"
#include "base/stop.h"
#include "base/stop_rules.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/text_input.h"
#include "corpus/tokenizer.h"
#include "corpus/tokenizer_training.h"

namespace isogloss {
namespace {

struct TokenizerConfig {
    TextInput input;
    TokenizerTraining training;
    std::filesystem::path out;
    bool json = false;
};

void describe(Options& options, TokenizerConfig& config) {
    auto& training = config.training;
    describe(options, config.input);
    options.add("out", config.out, "the model file to write", Presence::required);
    options.add("vocab-size", training.vocab_size, "tokens, the 256 of bytes included");
    options.add(
        "temperature", training.temperature,
        "1: a language's share of the sample is by its size; large: even"
    );
    options.add("sample-bytes", training.sample_bytes, "of text to train on, over all languages");
    options.add("language-bytes", training.language_bytes, "of text read of a language at most");
    options.add("seed", training.seed, "of the sample");
    options.add("json", config.json, "print one JSON document");
    options.add_check([&training] {
        std::vector<std::string> faults;
        if (training.vocab_size < 300) {
            faults.push_back(fmt::format(
                "vocab-size = {}: must be at least 300, as 256 tokens are bytes",
                training.vocab_size
            ));
        }
        if (!(training.temperature > 0.0)) {
            faults.push_back(fmt::format("temperature = {}: must be above 0", training.temperature)
            );
        }
        if (training.sample_bytes < 1 || training.language_bytes < 1) {
            faults.push_back(fmt::format(
                "sample-bytes = {} and language-bytes = {}: must be at least 1",
                training.sample_bytes, training.language_bytes
            ));
        }
        return faults;
    });
}

}  // namespace

Exit run_tokenizer_train(Arguments const& arguments) {
    TokenizerConfig config;
    Options options(
        "tokenizer train",
        "Trains a SentencePiece tokenizer (byte-pair encoding, byte fallback, lossless) on a "
        "sample "
        "of text that is balanced over the languages."
    );
    StopRules rules;
    describe(options, config);
    describe(options, rules);
    if (options.parse(with_one_input(arguments)) == Parsed::help) {
        return print_help(options);
    }
    Timer const timer;
    config.training.format = config.input.format;
    StopSignal stop;
    stop.heed(rules);
    config.training.stop = [&stop] { return stop.requested(); };
    if (!train_tokenizer(read_input_list(config.input.words), config.training, config.out)) {
        return Exit::stopped;
    }
    auto const tokenizer = Tokenizer::open(config.out.string());
    if (config.json) {
        Json const value{
            {"tokenizer", config.out.string()},
            {"vocab_size", tokenizer.vocab_size()},
            {"sha256", tokenizer.sha256()},
            {"seconds", timer.seconds()},
        };
        std::puts(value.dump(2).c_str());
    } else {
        fmt::print(
            "{}: {} tokens, {}\n", config.out.string(), tokenizer.vocab_size(),
            duration_text(timer.seconds())
        );
    }
    return Exit::done;
}

}  // namespace isogloss

// cli/model_create.cpp
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "base/require.h"
#include "base/text.h"
#include "checkpoint/create.h"
#include "cli/commands.h"
#include "cli/model_options.h"
#include "comm/world.h"
#include "corpus/schema.h"
#include "corpus/tokenizer.h"

namespace isogloss {
namespace {

struct CreateConfig {
    std::filesystem::path out;
    std::filesystem::path corpus;
    std::string tokenizer;
    bool json = false;
    bool quiet = false;
    ModelOptions model;
};

void describe(Options& options, CreateConfig& config) {
    options.add_positional("out", config.out, "folder of the checkpoint, made by this command");
    options.add("corpus", config.corpus, "take the tokenizer of this corpus");
    options.add("tokenizer", config.tokenizer, "`bytes`, or a SentencePiece model");
    options.add("json", config.json, "print one JSON document");
    options.add("quiet", config.quiet, "print nothing on standard output");
    config.model.describe(options);
    options.add_check([&config] {
        std::vector<std::string> faults;
        if (config.corpus.empty() == config.tokenizer.empty()) {
            faults.emplace_back("give either corpus or tokenizer: the model's vocabulary is theirs"
            );
        }
        return faults;
    });
}

NewModel new_model(CreateConfig const& config) {
    NewModel model;
    model.seed = config.model.seed;
    std::int64_t tokens = 0;
    if (config.corpus.empty()) {
        auto const tokenizer = Tokenizer::open(config.tokenizer);
        model.tokenizer_kind = tokenizer.kind();
        model.tokenizer_sha256 = tokenizer.sha256();
        tokens = tokenizer.vocab_size();
    } else {
        auto const corpus = read_corpus_manifest(config.corpus);
        model.tokenizer_kind = corpus.tokenizer_kind;
        model.tokenizer_sha256 = corpus.tokenizer_sha256;
        tokens = corpus.vocab_size;
    }
    model.config = config.model.config(tokens);
    require_usage(
        model.config.vocab_size >= tokens,
        "model.vocab-size = {}: the tokenizer has {} tokens; give as many at least, or 0",
        model.config.vocab_size, tokens
    );
    return model;
}

}  // namespace

Exit run_model_create(Arguments const& arguments, World const& world) {
    CreateConfig config;
    Options options(
        "model create", "Makes a checkpoint with random weights, from which `train` can begin."
    );
    describe(options, config);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options, world);
    }
    auto model = new_model(config);
    model.options = options.resolved();
    auto const result = create_checkpoint(config.out, model, world.comm());
    if (world.comm().rank() != 0 || config.quiet) {
        return Exit::done;
    }
    std::int64_t parameters = 0;
    for (auto const& spec : parameter_specs(model.config)) {
        parameters += spec.size();
    }
    auto const& manifest = result.checkpoint.manifest;
    if (config.json) {
        Json const json{
            {"checkpoint", config.out.string()},
            {"parameters", parameters},
            {"bytes_written", manifest.bytes_written}};
        fmt::print("{}\n", json.dump());
    } else {
        fmt::print(
            "{}: {} parameters, {} in {} files\n", config.out.string(),
            count_text(static_cast<double>(parameters)), bytes_text(manifest.bytes_written),
            manifest.shards.size()
        );
    }
    return Exit::done;
}

}  // namespace isogloss

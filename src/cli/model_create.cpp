// cli/model_create.cpp
#include <fmt/ranges.h>

#include <cstdio>
#include <filesystem>

#include "base/require.h"
#include "base/text.h"
#include "checkpoint/create.h"
#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/model_parts.h"
#include "comm/world.h"
#include "corpus/schema.h"
#include "corpus/tokenizer.h"

namespace isogloss {
namespace {

struct CreateConfig {
    std::filesystem::path out;
    std::filesystem::path corpus;
    std::string tokenizer;
    std::string separator;
    bool dry_run = false;
    bool json = false;
    bool quiet = false;
    ModelOptions model;
};

std::vector<std::string> problems(CreateConfig const& config) {
    std::vector<std::string> faults;
    if (config.out.empty() && !config.dry_run) {
        faults.emplace_back("out is missing: name the folder to make (or use --dry-run)");
    }
    if (!config.corpus.empty() && !config.tokenizer.empty()) {
        faults.emplace_back("give either corpus or tokenizer: the model's vocabulary is theirs");
    }
    if (!config.separator.empty() && config.tokenizer.empty()) {
        faults.push_back(fmt::format(
            "separator = {}: goes with tokenizer; a corpus has its own", config.separator
        ));
    }
    bool const needs_tokenizer = !config.dry_run || config.model.vocab_size == 0;
    if (needs_tokenizer && config.corpus.empty() && config.tokenizer.empty()) {
        faults.emplace_back(
            config.dry_run ? "give model.vocab-size, or corpus or tokenizer to take it from"
                           : "give either corpus or tokenizer: the model's vocabulary is theirs"
        );
    }
    return faults;
}

void describe(Options& options, CreateConfig& config) {
    options.add_positional(
        "out", config.out, "folder of the checkpoint, made by this command", Presence::optional
    );
    options.add("corpus", config.corpus, "take the tokenizer of this corpus");
    options.add(
        "tokenizer", config.tokenizer, "`bytes`, a SentencePiece model, or a tokenizer.json"
    );
    options.add(
        "separator", config.separator,
        "token of the tokenizer that begins documents; none: its beginning or end of text"
    );
    options.add(
        "dry-run", config.dry_run,
        "count the parameters and write nothing; needs no folder, and no tokenizer where "
        "model.vocab-size is given"
    );
    options.add("json", config.json, "print one JSON document");
    options.add("quiet", config.quiet, "print nothing on standard output");
    config.model.describe(options);
    options.add_check([&config] { return problems(config); });
}

NewModel new_model(CreateConfig const& config) {
    NewModel model;
    model.seed = config.model.seed;
    std::int64_t tokens = 0;
    if (config.corpus.empty() && config.tokenizer.empty()) {
        tokens = config.model.vocab_size;  // of a dry run
    } else if (config.corpus.empty()) {
        auto const tokenizer = Tokenizer::open(config.tokenizer, config.separator);
        model.tokenizer_kind = tokenizer.kind();
        model.tokenizer_sha256 = tokenizer.sha256();
        model.separator = tokenizer.separator();
        tokens = tokenizer.vocab_size();
    } else {
        auto const corpus = read_corpus_manifest(config.corpus);
        model.tokenizer_kind = corpus.tokenizer_kind;
        model.tokenizer_sha256 = corpus.tokenizer_sha256;
        model.separator = corpus.separator;
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

Exit print_counts(CreateConfig const& config, ModelConfig const& model) {
    auto const size = model_size(model);
    if (config.json) {
        Json const json{
            {"parameters", size.all.total},
            {"active", size.all.active},
            {"experts_per_layer", model.experts_per_layer()},
            {"backbone", to_json(size.backbone)},
            {"routers", to_json(size.routers)},
            {"experts", to_json(size.experts)}};
        fmt::print("{}\n", json.dump(2));
        return Exit::done;
    }
    fmt::print(
        "{} parameters in {} layers, width {}, vocabulary {}, experts per layer {}\n\n{}",
        size.all.total, model.num_layers(), model.width, model.vocab_size,
        fmt::join(model.experts_per_layer(), " "), parts_table(size)
    );
    return Exit::done;
}

void print_result(CreateConfig const& config, SaveResult const& result) {
    auto const& manifest = result.checkpoint.manifest;
    auto const parameters = parameter_count(manifest.config);
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
    bool const prints = world.comm().rank() == 0 && !config.quiet;
    if (config.dry_run) {
        return prints ? print_counts(config, model.config) : Exit::done;
    }
    auto const result = create_checkpoint(config.out, model, world.comm());
    if (prints) {
        print_result(config, result);
    }
    return Exit::done;
}

}  // namespace isogloss

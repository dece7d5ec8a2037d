// cli/evaluate.cpp
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "base/options.h"
#include "base/stop.h"
#include "checkpoint/load.h"
#include "cli/stoppable.h"
#include "comm/world.h"
#include "train/evaluation.h"
#include "train/run.h"

namespace isogloss {
namespace {

struct EvaluateConfig {
    std::filesystem::path checkpoint;
    std::filesystem::path corpus;
    std::filesystem::path out;
    std::vector<std::string> languages;
    Split split = Split::valid;
    std::int64_t row_length = 512;
    std::int64_t rows = 8;
    std::int64_t max_tokens = 0;
    bool json = false;
    bool quiet = false;
};

void describe(Options& options, EvaluateConfig& config) {
    options.add_positional("checkpoint", config.checkpoint, "model to score");
    options.add("corpus", config.corpus, "folder that `corpus build` made", Presence::required);
    options.add("languages", config.languages, "tags; none: all of the corpus");
    options.add_choice(
        "split", config.split, {{"valid", Split::valid}, {"train", Split::train}}, "which documents"
    );
    options.add("row-length", config.row_length, "tokens of context at most");
    options.add("rows", config.rows, "rows of one forward pass, a rank");
    options.add("max-tokens", config.max_tokens, "of each language; 0: all there are");
    options.add("out", config.out, "also write the scores here, as JSON");
    options.add("json", config.json, "print one JSON document instead of a table");
    options.add("quiet", config.quiet, "print nothing on standard output");
    options.add_check([&] {
        std::vector<std::string> faults;
        if (config.row_length < 1 || config.rows < 1 || config.max_tokens < 0) {
            faults.push_back(fmt::format(
                "row-length = {} and rows = {} must be at least 1, max-tokens = {} at least 0",
                config.row_length, config.rows, config.max_tokens
            ));
        }
        return faults;
    });
}

void report(EvaluateConfig const& config, std::vector<LanguageScore> const& scores) {
    auto const json = to_json(scores);
    if (!config.out.empty()) {
        write_json(config.out, json);
    }
    if (!config.quiet) {
        auto const text = config.json ? json.dump(2) + "\n" : to_table(scores).text();
        std::fwrite(text.data(), 1, text.size(), stdout);
    }
}

}  // namespace

Exit run_evaluate(Arguments const& arguments, World const& world) {
    StopSignal const stop;
    return run_evaluate(arguments, world, stop);
}

Exit run_evaluate(Arguments const& arguments, World const& world, StopSignal const& stop) {
    EvaluateConfig config;
    Options options(
        "evaluate",
        "Scores a checkpoint on held-out text, language by language: loss and perplexity a token, "
        "and bits per byte, which compares languages and tokenizers."
    );
    describe(options, config);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options, world);
    }
    auto const& comm = world.comm();
    Corpus const corpus(config.corpus);
    auto const checkpoint = read_checkpoint(config.checkpoint, comm);
    require_tokenizer(
        checkpoint, corpus.manifest().tokenizer_sha256, "corpus " + config.corpus.string()
    );
    auto const model_config = frozen(checkpoint.manifest.config);
    require_usage(
        config.row_length <= model_config.max_positions,
        "row-length = {}: the model takes at most {} positions", config.row_length,
        model_config.max_positions
    );
    LanguageModel model(model_config, place_model(model_config, world), comm, {});
    load_weights(checkpoint, model.parameters(), HashCheck::compare, comm);

    auto const scores = evaluate(
        model, corpus,
        {.languages = config.languages,
         .split = config.split,
         .row_length = config.row_length,
         .rows = config.rows,
         .max_tokens = config.max_tokens,
         .progress = ProgressStyle::automatic,
         .stop = [&] { return stop.requested(); }},
        comm
    );
    if (!scores) {
        return Exit::stopped;
    }
    if (comm.rank() == 0) {
        report(config, *scores);
    }
    return Exit::done;
}

}  // namespace isogloss

// cli/group_probe.cpp
#include <fmt/format.h>

#include <cmath>
#include <cstdio>

#include "base/log.h"
#include "base/options.h"
#include "base/table.h"
#include "cli/stoppable.h"
#include "comm/world.h"
#include "train/probe.h"

namespace isogloss {
namespace {

struct ProbeFlags {
    bool skip_small = false;
    bool redo = false;
    bool part = false;
    bool json = false;
    bool quiet = false;
};

void describe(Options& options, ProbeConfig& config, ProbeFlags& flags) {
    options.add_positional("checkpoint", config.from, "dense model to start each language from");
    options.add("corpus", config.corpus, "folder that `corpus build` made", Presence::required);
    options.add("out", config.out, "folder to write, or to go on in", Presence::required);
    options.add("languages", config.languages, "tags; none: all of the corpus");
    options.add("documents", config.documents, "first documents of each language; 0: all");
    options.add("steps", config.steps, "updates a language");
    options.add("rows", config.rows, "rows a step");
    options.add(
        "micro-rows", config.micro_rows,
        "rows of one forward and backward, over the ranks of a language"
    );
    options.add("row-length", config.row_length, "tokens a row");
    options.add("seed", config.seed, "of the data order");
    options.add(
        "learning-rate", config.learning_rate, "of the first step; falls linearly towards 0"
    );
    options.add(
        "similarity-layers", config.similarity_layers,
        "last layers whose feed-forwards are compared between languages; 0: 3, or all of a model "
        "that has fewer"
    );
    options.add_choice(
        "ffn-weights", config.ffn_weights,
        {{"all", FfnWeights::all}, {"up-down", FfnWeights::up_down}},
        "matrices that count in a layer's deviation norm; up-down: without the gate, as released "
        "for Gemma"
    );
    options.add(
        "ranks-per-language", config.ranks_per_language,
        "ranks that train one language together; must divide the ranks of the job"
    );
    options.add("skip-small", flags.skip_small, "leave out languages with too little text");
    options.add("redo", flags.redo, "make files again that other options, text or base made");
    options.add(
        "part", flags.part,
        "write the languages' files only: for jobs that share the languages out, before a last one "
        "over all"
    );
    options.add("json", flags.json, "print one JSON document instead of a table");
    options.add("quiet", flags.quiet, "print nothing on standard output");
}

// sqrt of the sum of squares: the norm over all layers.
double whole_norm(std::vector<double> const& layers) {
    double sum = 0.0;
    for (auto const norm : layers) {
        sum += norm * norm;
    }
    return std::sqrt(sum);
}

std::string report(ProbeConfig const& config, ProbeResult const& result, bool json) {
    if (json) {
        Json document = {
            {"languages", result.languages},
            {"deviation", (config.out / "deviation.json").string()},
            {"similarity", (config.out / "similarity.json").string()}};
        return document.dump(2) + "\n";
    }
    Table table({"language", "first loss", "last loss", "FFN deviation", "attention deviation"});
    for (std::size_t i = 0; i < result.languages.size(); ++i) {
        auto const& record = result.records[i];
        table.add_row(
            {result.languages[i], decimal_text(record.first_loss, 4),
             decimal_text(record.last_loss, 4), decimal_text(whole_norm(record.norms.ffn), 6),
             decimal_text(whole_norm(record.norms.attention), 6)}
        );
    }
    return table.text();
}

}  // namespace

Exit run_group_probe(Arguments const& arguments, World const& world, Job& job) {
    ProbeConfig config;
    ProbeFlags flags;
    Options options(
        "group probe",
        "Trains a dense model for a few steps on each language alone, from the same start, and "
        "keeps how far each layer moved (deviation.json, for `group layers`) and how alike "
        "languages move the last layers (similarity.json, for `group cluster`). A file a language: "
        "asked to stop (SIGTERM, SIGUSR1, SIGUSR2, a file STOP in --out, a clock) it ends with "
        "exit "
        "code 75, and the same command goes on with the languages that are left."
    );
    describe(options, config, flags);
    job.describe(options);
    options.add_check([&] { return problems(config, world.comm().size()); });
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options, world);
    }
    job.begin(
        options.resolved(), {}
    );  // the folder may be other jobs' too: no files of ranks in it
    job.heed(config.out / "STOP");
    config.small = flags.skip_small ? SmallLanguages::skip : SmallLanguages::refuse;
    config.stale = flags.redo ? StaleFiles::redo : StaleFiles::refuse;
    config.results = flags.part ? ProbeResults::leave : ProbeResults::write;
    Log log(world.comm().rank());
    auto const result = run_probe(config, world.comm(), job.stop(), ProgressStyle::automatic, log);
    bool const has_results = result.exit == Exit::done && !flags.part;
    if (world.comm().rank() == 0 && has_results && !flags.quiet) {
        auto const text = report(config, result, flags.json);
        std::fwrite(text.data(), 1, text.size(), stdout);
    }
    return result.exit;
}

}  // namespace isogloss

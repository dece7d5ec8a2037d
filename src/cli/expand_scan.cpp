// cli/expand_scan.cpp
#include <fmt/format.h>

#include <filesystem>

#include "base/options.h"
#include "base/require.h"
#include "cli/opened_model.h"
#include "cli/result.h"
#include "cli/stoppable.h"
#include "train/expert_scan.h"

namespace isogloss {
namespace {

struct ScanConfig {
    std::filesystem::path checkpoint;
    std::filesystem::path corpus;
    ResultOutput output;
    ScanRequest request;
};

void describe(Options& options, ScanConfig& config) {
    auto& request = config.request;
    options.add_positional("checkpoint", config.checkpoint, "model that is to learn the languages");
    options.add("corpus", config.corpus, "folder that `corpus build` made", Presence::required);
    options.add(
        "languages", request.languages, "tags of one new group, which gets one new expert a layer",
        Presence::required
    );
    options.add_choice(
        "split", request.split, {{"valid", Split::valid}, {"train", Split::train}},
        "which documents"
    );
    options.add("row-length", request.row_length, "tokens of context at most");
    options.add("rows", request.rows, "rows of one forward pass, a rank");
    options.add("max-tokens", request.max_tokens, "of each language; 0: all there are");
    options.add("out", config.output.out, "also write the result here, as JSON");
    options.add("json", config.output.json, "print one JSON document instead of a table");
    options.add("quiet", config.output.quiet, "print nothing on standard output");
    options.add_check([&request] {
        std::vector<std::string> faults;
        if (request.row_length < 1 || request.rows < 1 || request.max_tokens < 0) {
            faults.push_back(fmt::format(
                "row-length = {} and rows = {} must be at least 1, max-tokens = {} at least 0",
                request.row_length, request.rows, request.max_tokens
            ));
        }
        return faults;
    });
}

}  // namespace

Exit run_expand_scan(Arguments const& arguments, World const& world, Job& job) {
    ScanConfig config;
    Options options(
        "expand scan",
        "Scores new languages with each expert forced in all layers, and says which serves them "
        "best: the one to copy for them (`expand apply --source-from`)."
    );
    describe(options, config);
    job.describe(options);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options, world);
    }
    job.begin(options.resolved(), {});
    auto const& request = config.request;
    auto opened =
        open_model(config.checkpoint, config.corpus, world, [&](ModelConfig const& model) {
            require_usage(
                request.row_length <= model.max_positions,
                "row-length = {}: the model takes at most {} positions", request.row_length,
                model.max_positions
            );
        });
    config.request.progress = ProgressStyle::automatic;
    config.request.stop = [&] { return job.stop().requested(); };
    auto const scan = scan_experts(opened.model, opened.corpus, config.request, world.comm());
    if (!scan) {
        return Exit::stopped;
    }
    if (world.comm().rank() == 0) {
        give_result(config.output, to_json(*scan), [&] { return to_table(*scan).text(); });
    }
    return Exit::done;
}

}  // namespace isogloss

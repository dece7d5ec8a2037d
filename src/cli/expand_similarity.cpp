// cli/expand_similarity.cpp
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/options.h"
#include "base/require.h"
#include "cli/opened_model.h"
#include "cli/result.h"
#include "cli/routing_options.h"
#include "cli/stoppable.h"
#include "train/language_similarity.h"

namespace isogloss {
namespace {

struct SimilarityConfig {
    std::filesystem::path checkpoint;
    std::filesystem::path corpus;
    ResultOutput output;
    SimilarityRequest request;
    AskClassifiers classifiers = AskClassifiers::automatic;
};

void describe(Options& options, SimilarityConfig& config) {
    auto& request = config.request;
    auto& text = request.text;
    options.add_positional("checkpoint", config.checkpoint, "model as it is before it grows");
    options.add("corpus", config.corpus, "folder that `corpus build` made", Presence::required);
    options.add(
        "new", request.new_languages, "tags of the languages to be added", Presence::required
    );
    options.add(
        "old", request.old_languages, "tags of the model's languages; none: all it was trained on"
    );
    options.add("tokens", text.tokens, "of each language, its first ones");
    options.add("longest-document", text.longest_document, "tokens; longer ones are skipped");
    options.add("longest-row", text.longest_row, "tokens of a document that are read at most");
    options.add_choice(
        "split", text.split, {{"train", Split::train}, {"valid", Split::valid}}, "which documents"
    );
    describe(options, config.classifiers);
    options.add("out", config.output.out, "also write the result here, as JSON");
    options.add("json", config.output.json, "print one JSON document instead of a table");
    options.add("quiet", config.output.quiet, "print nothing on standard output");
    options.add_check([&text] {
        std::vector<std::string> faults;
        if (text.tokens < 1 || text.longest_document < 1 || text.longest_row < 1) {
            faults.push_back(fmt::format(
                "tokens = {}, longest-document = {} and longest-row = {} must be at least 1",
                text.tokens, text.longest_document, text.longest_row
            ));
        }
        return faults;
    });
}

void complete(SimilarityConfig& config, OpenedModel const& opened) {
    auto& request = config.request;
    if (request.old_languages.empty()) {
        for (auto const& tag : opened.checkpoint.manifest.info.languages) {
            if (std::ranges::count(request.new_languages, tag) == 0) {
                request.old_languages.push_back(tag);
            }
        }
        require_usage(
            !request.old_languages.empty(),
            "{} says no language that it was trained on; name them with --old",
            config.checkpoint.string()
        );
    }
    request.routing.classify = config.classifiers == AskClassifiers::automatic;
    request.progress = ProgressStyle::automatic;
}

}  // namespace

Exit run_expand_similarity(Arguments const& arguments, World const& world, Job& job) {
    SimilarityConfig config;
    Options options(
        "expand similarity",
        "Measures, layer by layer, how alike new languages are to each other and to the model's "
        "old ones: mean cosines of the feed-forwards' inputs. Layers where they are unlike need "
        "more experts (`expand allocate`)."
    );
    describe(options, config);
    job.describe(options);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options, world);
    }
    job.begin(options.resolved(), {});
    auto opened = open_model(config.checkpoint, config.corpus, world);
    complete(config, opened);
    config.request.stop = [&] { return job.stop().requested(); };
    auto const similarity =
        measure_similarity(opened.model, opened.corpus, config.request, world.comm());
    if (!similarity) {
        return Exit::stopped;
    }
    if (world.comm().rank() == 0) {
        give_result(config.output, to_json(*similarity), [&] {
            return to_table(*similarity).text();
        });
    }
    return Exit::done;
}

}  // namespace isogloss

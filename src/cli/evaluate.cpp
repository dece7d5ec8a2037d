// cli/evaluate.cpp
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "base/options.h"
#include "base/require.h"
#include "cli/opened_model.h"
#include "cli/result.h"
#include "cli/routing_options.h"
#include "cli/stoppable.h"
#include "train/evaluation_record.h"

namespace isogloss {
namespace {

struct EvaluateConfig {
    std::filesystem::path checkpoint;
    std::filesystem::path corpus;
    RankDevice device;
    ResultOutput output;
    EvaluationRequest request;
    AskClassifiers classifiers = AskClassifiers::automatic;
    bool shares = false;
};

void describe_protocol(Options& options, EvaluationRequest& request) {
    auto& strided = request.strided;
    options.add_choice(
        "protocol", request.protocol, {{"rows", Protocol::rows}, {"strided", Protocol::strided}},
        "all text in rows that documents end in, or documents in one stream under a sliding window"
    );
    options.add("row-length", request.row_length, "rows: tokens of context at most");
    options.add("documents", strided.documents, "strided: of each language, at random");
    options.add("seed", strided.seed, "strided: of the choice of documents");
    options.add("window", strided.window, "strided: tokens the model sees at once");
    options.add("stride", strided.stride, "strided: tokens from window to window");
    options.add_choice(
        "joint", strided.joint,
        {{"separator", Joint::separator}, {"blank-line", Joint::blank_line}},
        "strided: between documents, as the corpus has them or two newlines"
    );
    options.add_choice(
        "weighting", strided.weighting,
        {{"exact", WindowWeighting::exact}, {"released", WindowWeighting::released}},
        "strided: each token once, or a window's mean times its labels less one"
    );
}

std::vector<std::string> problems(EvaluationRequest const& request) {
    std::vector<std::string> faults;
    if (request.row_length < 1 || request.rows < 1 || request.max_tokens < 0) {
        faults.push_back(fmt::format(
            "row-length = {} and rows = {} must be at least 1, max-tokens = {} at least 0",
            request.row_length, request.rows, request.max_tokens
        ));
    }
    auto const& strided = request.strided;
    if (strided.documents < 1) {
        faults.push_back(fmt::format("documents = {}: must be at least 1", strided.documents));
    }
    if (strided.stride < 1 || strided.stride >= strided.window) {
        faults.push_back(fmt::format(
            "stride = {}, window = {}: the stride must be at least 1 and less than the window, or "
            "tokens would have no context",
            strided.stride, strided.window
        ));
    }
    return faults;
}

void describe(Options& options, EvaluateConfig& config) {
    auto& request = config.request;
    options.add_positional("checkpoint", config.checkpoint, "model to score");
    options.add("corpus", config.corpus, "folder that `corpus build` made", Presence::required);
    options.add("languages", request.languages, "tags; none: all of the corpus");
    options.add_choice(
        "split", request.split, {{"valid", Split::valid}, {"train", Split::train}},
        "which documents"
    );
    describe(options, config.device);
    options.add("rows", request.rows, "rows of one forward pass, a rank");
    options.add("max-tokens", request.max_tokens, "of each language; 0: all there are");
    describe_protocol(options, request);
    describe(options, config.request.routing, config.classifiers);
    options.add("shares", config.shares, "also say which experts each language's tokens went to");
    options.add("out", config.output.out, "also write the scores here, as JSON");
    options.add("json", config.output.json, "print one JSON document instead of a table");
    options.add("quiet", config.output.quiet, "print nothing on standard output");
    options.add_check([&] { return problems(request); });
}

// What a row may hold, by the name of the option that says so.
void require_positions(EvaluationRequest const& request, ModelConfig const& model) {
    bool const is_strided = request.protocol == Protocol::strided;
    auto const length = is_strided ? request.strided.window : request.row_length;
    require_usage(
        length <= model.max_positions,
        "{} = {}: the model takes at most {} positions; give --{}={}",
        is_strided ? "window" : "row-length", length, model.max_positions,
        is_strided ? "window" : "row-length", model.max_positions
    );
}

void complete(EvaluateConfig& config, ModelConfig const& model) {
    auto& routing = config.request.routing;
    routing.classify = asks_classifiers(config.classifiers, routing.mode, model);
}

std::string tables(EvaluationRecord const& record) {
    auto text = to_table(record.scores).text();
    if (!record.shares) {
        return text;
    }
    if (record.shares->layers.empty()) {
        return text + "\nNo layer has more than one expert: there is nothing to route.\n";
    }
    std::vector<std::string> languages;
    for (auto const& score : record.scores) {
        languages.push_back(score.language);
    }
    text += "\nWhere tokens went, as a mean over the layers with several experts:\n\n" +
            to_table(*record.shares, languages).text();
    if (languages.size() <= kMostLanguageColumns) {
        text += "\nThe expert most used, and its share of the choices:\n\n" +
                layer_table(*record.shares, languages).text();
    }
    return text;
}

}  // namespace

Exit run_evaluate(Arguments const& arguments, World const& world, Job& job) {
    EvaluateConfig config;
    Options options(
        "evaluate",
        "Scores a checkpoint on held-out text, language by language: loss and perplexity a token, "
        "and bits per byte, which compares languages and tokenizers."
    );
    describe(options, config);
    job.describe(options);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options, world);
    }
    job.begin(options.resolved(), {});
    auto const& comm = world.comm();
    auto const fit = [&](ModelConfig const& model) {
        require_positions(config.request, model);
        complete(config, model);
    };
    auto opened = open_model(config.checkpoint, config.corpus, world, fit, config.device);

    RoutingShares shares;
    config.request.shares = config.shares ? &shares : nullptr;
    config.request.progress = ProgressStyle::automatic;
    config.request.stop = [&] { return job.stop().requested(); };
    Log log(comm.rank());
    warn_without_text(config.request, opened.corpus, comm, log);
    auto const scores = evaluate(opened.model, opened.corpus, config.request, comm);
    if (!scores) {
        return Exit::stopped;
    }
    if (comm.rank() == 0) {
        EvaluationRecord const record{
            .checkpoint = config.checkpoint.string(),
            .protocol = protocol_json(config.request),
            .routing = routing_json(config.request),
            .scores = *scores,
            .shares = config.shares ? std::optional(shares) : std::nullopt};
        give_result(config.output, to_json(record), [&] { return tables(record); });
    }
    return Exit::done;
}

}  // namespace isogloss

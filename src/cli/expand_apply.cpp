// cli/expand_apply.cpp
#include <fmt/format.h>

#include <filesystem>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/commands.h"
#include "corpus/schema.h"
#include "growth/expansion_request.h"
#include "growth/grow.h"
#include "growth/layer_list.h"

namespace isogloss {
namespace {

/// As ExpansionPlan's, or what fits the source.
enum class RouterChoice : std::uint8_t { automatic, keep, fresh, copy_row };

struct ApplyConfig {
    std::filesystem::path from;
    std::filesystem::path to;
    RouterChoice router = RouterChoice::automatic;
    bool dry_run = false;
    bool json = false;
    bool quiet = false;
    ExpansionRequest request;
    ExpansionPlan plan;
};

void describe_experts(Options& options, ExpansionRequest& request) {
    options.add(
        "experts", request.experts, "new experts: one number for all layers, or one a layer (1,0,2)"
    );
    options.add(
        "layers", request.layers,
        "that one number is for: all, routed (those with a router) or 0-4,20; none: all, and with "
        "source-from routed"
    );
    options.add(
        "allocation", request.allocation,
        "instead of experts: what `expand allocate --json` wrote, experts of each layer"
    );
    options.add(
        "source", request.source, "expert to copy: one number for all layers, or one each; none: 0"
    );
    options.add(
        "source-from", request.source_from,
        "instead of source: what `expand scan --json` wrote, the best expert"
    );
}

void describe_classifiers(Options& options, ExpansionRequest& request) {
    options.add(
        "classifiers", request.classifiers,
        "layers that have one after this: 5,6,10-13, top:K (largest similarity of new and old "
        "languages), or none; without this option: those that have one now"
    );
    options.add(
        "similarity", request.similarity, "for top:K: what `expand similarity --json` wrote"
    );
    options.add_choice(
        "classifier-span", request.span,
        {{"sequence", ClassifierSpan::sequence}, {"token", ClassifierSpan::token}},
        "what a classifier decides about at once"
    );
    options.add_choice(
        "old-classifiers", request.old_classifiers,
        {{"keep", ClassifierGrowth::keep}, {"fresh", ClassifierGrowth::fresh}},
        "of layers that had one before: keep the weights, or draw them"
    );
}

void describe(Options& options, ApplyConfig& config) {
    options.add("from", config.from, "checkpoint to grow; stays as it is", Presence::required);
    options.add("to", config.to, "folder of the grown one, made here", Presence::required);
    describe_experts(options, config.request);
    describe_classifiers(options, config.request);
    options.add("languages", config.plan.languages, "tags that the new experts are for");
    options.add_choice(
        "router", config.router,
        {{"auto", RouterChoice::automatic},
         {"keep", RouterChoice::keep},
         {"fresh", RouterChoice::fresh},
         {"copy-row", RouterChoice::copy_row}},
        "of layers that grow: keep old rows and draw new ones, draw all, or copy the row of the "
        "source; auto: copy-row with source-from, else keep"
    );
    options.add(
        "noise", config.plan.noise,
        "deviation of the noise on new experts, in units of the tensor's root mean square"
    );
    options.add("seed", config.plan.seed, "of new router rows, classifiers and the noise");
    options.add("dry-run", config.dry_run, "say what would be written, and write nothing");
    options.add("json", config.json, "print one JSON document");
    options.add("quiet", config.quiet, "print nothing on standard output");
    options.add_check([&config] {
        std::vector<std::string> faults;
        for (auto const& tag : config.plan.languages) {
            if (!is_language_tag(tag)) {
                faults.push_back(fmt::format("languages: \"{}\" is no language tag", tag));
            }
        }
        return faults;
    });
}

RouterGrowth router_growth(ApplyConfig const& config) {
    switch (config.router) {
        case RouterChoice::keep: return RouterGrowth::keep;
        case RouterChoice::fresh: return RouterGrowth::fresh;
        case RouterChoice::copy_row: return RouterGrowth::copy_row;
        case RouterChoice::automatic: break;
    }
    return config.request.source_from.empty() ? RouterGrowth::keep : RouterGrowth::copy_row;
}

std::vector<std::int32_t> classifier_layers(ModelConfig const& model) {
    std::vector<std::int32_t> layers;
    for (std::int32_t i = 0; i < model.num_layers(); ++i) {
        if (model.layers[static_cast<std::size_t>(i)].has_classifier()) {
            layers.push_back(i);
        }
    }
    return layers;
}

Json facts(ModelConfig const& grown, std::int64_t new_experts) {
    return Json{
        {"new_experts", new_experts},
        {"experts_per_layer", grown.experts_per_layer()},
        {"classifiers", classifier_layers(grown)}};
}

void print(ApplyConfig const& config, Json const& report) {
    if (config.quiet) {
        return;
    }
    if (config.json) {
        fmt::print("{}\n", report.dump(2));
        return;
    }
    fmt::print(
        "{}{} new experts for [{}], experts per layer now {}\n", config.dry_run ? "would add " : "",
        report["new_experts"].get<std::int64_t>(), fmt::join(config.plan.languages, ", "),
        report["experts_per_layer"].dump()
    );
    if (!report["classifiers"].empty()) {
        fmt::print(
            "classifiers in layers {}\n",
            layers_text(report["classifiers"].get<std::vector<std::int32_t>>())
        );
    }
    fmt::print(
        "{} {}written", bytes_text(report["bytes_written"].get<std::int64_t>()),
        config.dry_run ? "would be " : ""
    );
    if (!config.dry_run) {
        fmt::print(
            " ({} bytes), {} linked, {}; {}", report["bytes_written"].get<std::int64_t>(),
            bytes_text(report["bytes_linked"].get<std::int64_t>()),
            duration_text(report["seconds"].get<double>()), config.to.string()
        );
    }
    fmt::print("\n");
}

Json dry_run(ApplyConfig const& config, ModelConfig const& model) {
    auto const grown = grown_config(model, config.plan);
    std::int32_t added = 0;
    for (auto const& layer : config.plan.layers) {
        added += layer.new_experts;
    }
    auto report = facts(grown, added);
    report["bytes_written"] = growth_bytes(model, config.plan);
    return report;
}

}  // namespace

Exit run_expand_apply(Arguments const& arguments) {
    ApplyConfig config;
    Options options(
        "expand apply",
        "Adds experts to a checkpoint for new languages: copies of an old expert, trainable; all "
        "that was there before is frozen, and its files are linked, not written. Also sets which "
        "layers have a classifier of old and new languages."
    );
    describe(options, config);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    auto const old = read_checkpoint(config.from).manifest;
    complete(config.plan, config.request, old.config);
    config.plan.router = router_growth(config);
    require_new_languages(config.plan.languages, old, config.from.string());
    if (config.dry_run) {
        print(config, dry_run(config, old.config));
        return Exit::done;
    }
    Timer const timer;
    auto const written = grow(config.from, config.plan, config.to, options.resolved());
    Log log;
    for (auto const& warning : written.warnings) {
        log.warning(warning);
    }
    auto report = facts(written.checkpoint.manifest.config, written.new_experts);
    report["checkpoint"] = config.to.string();
    report["bytes_written"] = written.bytes_written;
    report["bytes_linked"] = written.bytes_linked;
    report["seconds"] = timer.seconds();
    print(config, report);
    return Exit::done;
}

}  // namespace isogloss

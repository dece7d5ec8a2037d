// cli/expand_apply.cpp
#include <fmt/format.h>

#include <filesystem>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/require.h"
#include "base/text.h"
#include "cli/commands.h"
#include "corpus/schema.h"
#include "growth/grow.h"

namespace isogloss {
namespace {

struct ApplyConfig {
    std::filesystem::path from;
    std::filesystem::path to;
    std::vector<std::int32_t> experts;
    std::vector<std::int32_t> source{0};
    bool dry_run = false;
    bool json = false;
    bool quiet = false;
    ExpansionPlan plan;
};

void describe(Options& options, ApplyConfig& config) {
    options.add("from", config.from, "checkpoint to grow; stays as it is", Presence::required);
    options.add("to", config.to, "folder of the grown one, made here", Presence::required);
    options.add(
        "experts", config.experts, "new experts: one number for all layers, or one a layer (1,0,2)",
        Presence::required
    );
    options.add("source", config.source, "expert to copy: one number for all layers, or one each");
    options.add("languages", config.plan.languages, "tags that the new experts are for");
    options.add_choice(
        "router", config.plan.router,
        {{"keep", RouterGrowth::keep}, {"fresh", RouterGrowth::fresh}},
        "of layers that grow: keep the rows of old experts, or draw all rows"
    );
    options.add(
        "noise", config.plan.noise,
        "deviation of the noise on new experts, in units of the tensor's root mean square"
    );
    options.add("seed", config.plan.seed, "of new router rows and of the noise");
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

/// One number for each layer, from a list of one or of all.
std::vector<std::int32_t> for_layers(
    char const* option, std::vector<std::int32_t> const& given, std::int32_t layers
) {
    if (given.size() == 1) {
        return std::vector<std::int32_t>(static_cast<std::size_t>(layers), given[0]);
    }
    require_usage(
        given.size() == static_cast<std::size_t>(layers),
        "{} has {} numbers: must have 1, or one for each of the model's {} layers", option,
        given.size(), layers
    );
    return given;
}

void complete_plan(ApplyConfig& config, ModelConfig const& model) {
    auto const experts = for_layers("experts", config.experts, model.num_layers());
    auto const sources = for_layers("source", config.source, model.num_layers());
    for (std::int32_t i = 0; i < model.num_layers(); ++i) {
        auto const place = static_cast<std::size_t>(i);
        if (experts[place] != 0) {
            config.plan.layers.push_back({i, experts[place], sources[place]});
        }
    }
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
    return Json{
        {"new_experts", added},
        {"experts_per_layer", grown.experts_per_layer()},
        {"bytes_written", growth_bytes(model, config.plan)}};
}

}  // namespace

Exit run_expand_apply(Arguments const& arguments) {
    ApplyConfig config;
    Options options(
        "expand apply",
        "Adds experts to a checkpoint for new languages: copies of an old expert, trainable; all "
        "that was there before is frozen, and its files are linked, not written."
    );
    describe(options, config);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    auto const model = read_checkpoint(config.from).manifest.config;
    complete_plan(config, model);
    if (config.dry_run) {
        print(config, dry_run(config, model));
        return Exit::done;
    }
    Timer const timer;
    auto const report = grow(config.from, config.plan, config.to, options.resolved());
    Log log;
    for (auto const& warning : report.warnings) {
        log.warning(warning);
    }
    print(
        config,
        Json{
            {"checkpoint", config.to.string()},
            {"new_experts", report.new_experts},
            {"experts_per_layer", report.checkpoint.manifest.config.experts_per_layer()},
            {"bytes_written", report.bytes_written},
            {"bytes_linked", report.bytes_linked},
            {"seconds", timer.seconds()}}
    );
    return Exit::done;
}

}  // namespace isogloss

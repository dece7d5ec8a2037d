// cli/upcycle.cpp
#include "growth/upcycle.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/require.h"
#include "base/text.h"
#include "cli/commands.h"
#include "growth/layer_list.h"
#include "growth/step_files.h"
#include "model/model_size.h"

namespace isogloss {
namespace {

struct UpcycleConfig {
    std::filesystem::path from;
    std::filesystem::path out;
    std::string layers;
    std::optional<std::uint64_t> mask;
    std::filesystem::path layers_from;
    std::filesystem::path groups;
    bool dry_run = false;
    bool json = false;
    bool quiet = false;
    UpcyclePlan plan;

    [[nodiscard]] int ways_to_name_layers() const {
        return (layers.empty() ? 0 : 1) + (mask ? 1 : 0) + (layers_from.empty() ? 0 : 1);
    }
};

void describe(Options& options, UpcycleConfig& config) {
    options.add_positional("checkpoint", config.from, "dense checkpoint; stays as it is");
    options.add("layers", config.layers, "that become mixtures: 0-4,20-23");
    options.add("mask", config.mask, "the same as a number: bit i is layer i");
    options.add("layers-from", config.layers_from, "the same, as `group layers --json` wrote them");
    options.add(
        "groups", config.groups, "languages of each expert, as `group cluster --json` wrote them",
        Presence::required
    );
    options.add("out", config.out, "folder of the mixture, made here", Presence::required);
    options.add("top-k", config.plan.top_k, "experts that a token visits in soft routing");
    options.add(
        "router-deviation", config.plan.router_deviation, "of the normal that routers start from"
    );
    options.add_choice(
        "trainable", config.plan.training,
        {{"all", UpcycleTraining::all},
         {"experts-and-routers", UpcycleTraining::experts_and_routers}},
        "what the next run trains: the whole model, or what was added to it"
    );
    options.add("seed", config.plan.seed, "of the routers");
    options.add("dry-run", config.dry_run, "say what would be written, and write nothing");
    options.add("json", config.json, "print one JSON document");
    options.add("quiet", config.quiet, "print nothing on standard output");
    options.add_check([&config] {
        std::vector<std::string> faults;
        if (config.ways_to_name_layers() != 1) {
            faults.push_back(fmt::format(
                "layers, mask and layers-from: {} of them given; give one",
                config.ways_to_name_layers()
            ));
        }
        return faults;
    });
}

LayerList chosen_layers(UpcycleConfig const& config, std::int32_t num_layers) {
    if (config.mask) {
        return layers_of_mask(*config.mask, num_layers, "mask");
    }
    if (!config.layers_from.empty()) {
        return checked_layers(
            read_layers(config.layers_from), num_layers, config.layers_from.string()
        );
    }
    return parse_layers(config.layers, num_layers, "layers");
}

/// @throws Error  (usage) with the faults of the layers' names and of the plan together
void complete_plan(UpcycleConfig& config, ModelConfig const& model) {
    config.plan.groups = read_groups(config.groups);
    auto list = chosen_layers(config, model.num_layers());
    config.plan.layers = list.layers;
    if (list.faults.empty()) {
        return;  // upcycled_config says what else is wrong
    }
    for (auto const& fault : problems(config.plan, model)) {
        if (!list.layers.empty() || !fault.starts_with("no layer")) {
            list.faults.push_back(fault);
        }
    }
    fail(
        Exit::usage, "upcycling finds {} {}:\n    {}", list.faults.size(),
        list.faults.size() == 1 ? "fault" : "faults", fmt::join(list.faults, "\n    ")
    );
}

Json facts(UpcycleConfig const& config, ModelConfig const& before, ModelConfig const& after) {
    return {
        {"layers", config.plan.layers},
        {"groups", config.plan.groups},
        {"experts_per_layer", after.experts_per_layer()},
        {"parameters_before", parameter_count(before)},
        {"parameters", parameter_count(after)},
        {"bytes_written", derived_bytes(before, after)}};
}

void print(UpcycleConfig const& config, Json const& report) {
    if (config.quiet) {
        return;
    }
    if (config.json) {
        fmt::print("{}\n", report.dump(2));
        return;
    }
    fmt::print(
        "layers {} {}have {} experts:\n", layers_text(config.plan.layers),
        config.dry_run ? "would " : "now ", config.plan.groups.size()
    );
    for (std::size_t g = 0; g < config.plan.groups.size(); ++g) {
        fmt::print("  {:3} {}\n", g, fmt::join(config.plan.groups[g], ","));
    }
    fmt::print(
        "{} parameters from {}; {} {}written\n", report["parameters"].get<std::int64_t>(),
        report["parameters_before"].get<std::int64_t>(),
        bytes_text(report["bytes_written"].get<std::int64_t>()), config.dry_run ? "would be " : ""
    );
}

}  // namespace

Exit run_upcycle(Arguments const& arguments) {
    UpcycleConfig config;
    Options options(
        "upcycle",
        "Makes a mixture of experts of a dense checkpoint: the chosen layers get one expert a "
        "group of languages, all copies of their feed-forward, and a router."
    );
    describe(options, config);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    auto const model = read_checkpoint(config.from).manifest.config;
    complete_plan(config, model);
    auto report = facts(config, model, upcycled_config(model, config.plan));
    if (config.dry_run) {
        print(config, report);
        return Exit::done;
    }
    Timer const timer;
    auto const written = upcycle(config.from, config.plan, config.out, options.resolved());
    Log log;
    for (auto const& warning : written.warnings) {
        log.warning(warning);
    }
    report["checkpoint"] = config.out.string();
    report["bytes_written"] = written.bytes_written;
    report["bytes_linked"] = written.bytes_linked;
    report["seconds"] = timer.seconds();
    print(config, report);
    return Exit::done;
}

}  // namespace isogloss

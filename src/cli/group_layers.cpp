// cli/group_layers.cpp
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "base/table.h"
#include "cli/commands.h"
#include "cli/result.h"
#include "growth/layer_choice.h"
#include "growth/measurement.h"

namespace isogloss {
namespace {

constexpr double kPaperThreshold = 0.6;
constexpr double kBarWidth = 30.0;

struct LayersConfig {
    std::filesystem::path deviation;
    std::vector<std::string> languages;
    std::optional<double> threshold;
    std::optional<std::int32_t> layers;
    ResultOutput output;
};

void describe(Options& options, LayersConfig& config) {
    options.add(
        "deviation", config.deviation,
        "JSON: {\"ar\": {\"delta_norm_ffn\": [one norm a layer]}, ...}", Presence::required
    );
    options.add("languages", config.languages, "tags to average over; none: all of the file");
    options.add(
        "threshold", config.threshold,
        "layers whose normalised deviation is at least this get experts, in [0, 1]; 0.6 unless "
        "this or layers is given"
    );
    options.add("layers", config.layers, "instead of a threshold: so many of the highest layers");
    options.add("out", config.output.out, "write the JSON document to this file, too");
    options.add("json", config.output.json, "print one JSON document");
    options.add("quiet", config.output.quiet, "print nothing on standard output");
    options.add_check([&config] {
        std::vector<std::string> faults;
        if (config.threshold && config.layers) {
            faults.emplace_back("give threshold or layers, not both: they are two rules");
        }
        return faults;
    });
}

std::string text_of(
    LanguageDeviations const& deviation,
    LayerDeviation const& layer_deviation,
    std::vector<std::int32_t> const& layers
) {
    Table table({"layer", "mean deviation", "normalised", "experts", ""});
    for (std::size_t layer = 0; layer < layer_deviation.mean.size(); ++layer) {
        auto const z = layer_deviation.normalised[layer];
        auto const is_chosen =
            std::ranges::find(layers, static_cast<std::int32_t>(layer)) != layers.end();
        table.add_row(
            {std::to_string(layer), fmt::format("{:.6g}", layer_deviation.mean[layer]),
             decimal_text(z, 3), is_chosen ? "yes" : "no",
             std::string(static_cast<std::size_t>(std::lround(z * kBarWidth)), '#')}
        );
    }
    return fmt::format(
        "{}\n{} of {} layers from {} languages: {}\nmask {}\n", table.text(), layers.size(),
        layer_deviation.mean.size(), deviation.languages.size(), fmt::join(layers, ","),
        layer_mask(layers)
    );
}

}  // namespace

Exit run_group_layers(Arguments const& arguments) {
    LayersConfig config;
    Options options(
        "group layers",
        "Chooses the layers that get experts: those that a short training on single languages "
        "changed most (DMoE)."
    );
    describe(options, config);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    auto const deviation = deviation_norms_from_json(
        read_measurements(config.deviation), config.deviation.string(), config.languages
    );
    auto const of_layers = layer_deviation(deviation);
    auto const layers = config.layers
                            ? highest_layers(of_layers.normalised, *config.layers)
                            : layers_from_threshold(
                                  of_layers.normalised, config.threshold.value_or(kPaperThreshold)
                              );
    Json const json{
        {"layers", layers},
        {"mask", layer_mask_json(layers, of_layers.mean.size())},
        {"normalised", of_layers.normalised},
        {"mean", of_layers.mean},
        {"languages", deviation.languages}};
    give_result(config.output, json, [&] { return text_of(deviation, of_layers, layers); });
    return Exit::done;
}

}  // namespace isogloss

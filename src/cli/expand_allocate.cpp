// cli/expand_allocate.cpp
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "base/option_value.h"
#include "base/require.h"
#include "base/table.h"
#include "checkpoint/manifest.h"
#include "cli/commands.h"
#include "cli/result.h"
#include "growth/allocation.h"
#include "growth/measurement.h"

namespace isogloss {
namespace {

using Counts = std::vector<std::int32_t>;

struct AllocateConfig {
    std::filesystem::path similarity;
    std::int64_t budget = 0;
    bool exact_budget = false;
    std::int32_t minimum = 1;
    std::string existing;
    ResultOutput output;
};

void describe(Options& options, AllocateConfig& config) {
    options.add(
        "similarity", config.similarity,
        "JSON: {\"similarity\": [S of each layer]}, or what `expand similarity` wrote",
        Presence::required
    );
    options.add(
        "budget", config.budget,
        "experts to share out, the original one of each layer included; rounding up adds to it",
        Presence::required
    );
    options.add("exact-budget", config.exact_budget, "share out the budget exactly");
    options.add(
        "minimum", config.minimum,
        "experts of a layer at least, the original one included; the growing code of LayerMoE's "
        "release needs 2"
    );
    options.add(
        "existing", config.existing,
        "experts of each layer that a grown model has already, to which the new ones are added: a "
        "list (5,4,3), a JSON file with such a list or with \"experts\", or a checkpoint"
    );
    options.add("out", config.output.out, "write the JSON document to this file, too");
    options.add("json", config.output.json, "print one JSON document");
    options.add("quiet", config.output.quiet, "print nothing on standard output");
}

std::int64_t sum_of(Counts const& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

Counts counts_from_json(Json const& value, std::string const& where) {
    auto const& list = value.is_object() && value.contains("experts") ? value["experts"] : value;
    Counts counts;
    for (auto const count : finite_numbers(list, where, "layer")) {
        require_data(
            count >= 1 && count <= 1e6 && count == static_cast<std::int32_t>(count),
            "{}, layer {}: {} is no count of experts", where, counts.size(), count
        );
        counts.push_back(static_cast<std::int32_t>(count));
    }
    return counts;
}

Counts existing_counts(std::string const& given) {
    if (given.empty()) {
        return {};
    }
    if (std::filesystem::is_directory(given)) {
        return read_checkpoint(given).manifest.config.experts_per_layer();
    }
    if (std::filesystem::exists(given)) {
        return counts_from_json(read_measurements(given), given);
    }
    Counts counts;
    auto const expected = read_value(given, counts);
    require_usage(
        expected.empty() && std::ranges::all_of(counts, [](auto count) { return count >= 1; }),
        "existing = {}: is no file, no checkpoint, and no list of counts of at least 1", given
    );
    return counts;
}

std::string text_of(Json const& json, std::vector<double> const& similarity, bool has_existing) {
    Table table({"layer", "similarity", "experts", "new"});
    for (std::size_t layer = 0; layer < similarity.size(); ++layer) {
        table.add_row(
            {std::to_string(layer), fmt::format("{:.5g}", similarity[layer]),
             std::to_string(json["experts"][layer].get<std::int32_t>()),
             std::to_string(json["added"][layer].get<std::int32_t>())}
        );
    }
    table.add_rule();
    table.add_row(
        {"all", "", std::to_string(json["total"].get<std::int64_t>()),
         std::to_string(json["new"].get<std::int64_t>())}
    );
    return fmt::format(
        "{}\n{}\nisogloss expand apply --experts {}\n", table.text(),
        has_existing ? "experts: the existing ones and the new" : "experts: with the original one",
        fmt::join(json["added"].get<Counts>(), ",")
    );
}

}  // namespace

Exit run_expand_allocate(Arguments const& arguments) {
    AllocateConfig config;
    Options options(
        "expand allocate",
        "Shares experts out over the layers: many where the languages are unlike, few where they "
        "are alike (LayerMoE)."
    );
    describe(options, config);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    auto const similarity = layer_similarity_from_json(
        read_measurements(config.similarity), config.similarity.string()
    );
    auto experts = config.exact_budget
                       ? allocate_exactly(similarity, config.budget, config.minimum)
                       : allocate_by_ceiling(similarity, config.budget, config.minimum);
    auto added = experts;
    for (auto& count : added) {
        --count;
    }
    auto const existing = existing_counts(config.existing);
    require_data(
        existing.empty() || existing.size() == experts.size(),
        "{}: has {} layers and existing = {} has {}; measure the similarity on the model that is "
        "to grow",
        config.similarity.string(), experts.size(), config.existing, existing.size()
    );
    for (std::size_t layer = 0; layer < existing.size(); ++layer) {
        experts[layer] = existing[layer] + added[layer];
    }
    Json const json{
        {"experts", experts},
        {"total", sum_of(experts)},
        {"new", sum_of(added)},
        {"added", added},
        {"budget", config.budget}};
    give_result(config.output, json, [&] { return text_of(json, similarity, !existing.empty()); });
    return Exit::done;
}

}  // namespace isogloss

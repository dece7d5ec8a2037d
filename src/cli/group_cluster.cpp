// cli/group_cluster.cpp
#include <fmt/ranges.h>

#include <filesystem>

#include "base/table.h"
#include "cli/commands.h"
#include "cli/result.h"
#include "growth/balanced_clustering.h"
#include "growth/measurement.h"

namespace isogloss {
namespace {

enum class Method : std::uint8_t { exhaustive, linkage, balanced };

struct ClusterConfig {
    std::filesystem::path similarity;
    std::int32_t groups = 0;
    Method method = Method::exhaustive;
    ResultOutput output;
};

void describe(Options& options, ClusterConfig& config) {
    options.add(
        "similarity", config.similarity,
        "JSON: {\"languages\": [...], \"similarity\": [[...], ...]}, cosines", Presence::required
    );
    options.add("groups", config.groups, "to make, at least 1", Presence::required);
    options.add_choice(
        "method", config.method,
        {{"exhaustive", Method::exhaustive},
         {"linkage", Method::linkage},
         {"balanced", Method::balanced}},
        "DMoE's greedy choice among all subsets; its greedy complete linkage for many languages; "
        "or a search from the better of both"
    );
    options.add("out", config.output.out, "write the JSON document to this file, too");
    options.add("json", config.output.json, "print one JSON document");
    options.add("quiet", config.output.quiet, "print nothing on standard output");
}

std::vector<LanguageGroup> clustered(
    LanguageDistances const& distance, ClusterConfig const& config
) {
    switch (config.method) {
        case Method::exhaustive: return cluster_exhaustively(distance, config.groups);
        case Method::linkage: return cluster_by_linkage(distance, config.groups);
        case Method::balanced: break;
    }
    return cluster_balanced(distance, config.groups);
}

char const* name_of(Method method) {
    return method == Method::exhaustive ? "exhaustive"
           : method == Method::linkage  ? "linkage"
                                        : "balanced";
}

std::vector<std::string> tags_of(LanguageDistances const& distance, LanguageGroup const& group) {
    std::vector<std::string> tags;
    for (auto const language : group) {
        tags.push_back(distance.languages()[static_cast<std::size_t>(language)]);
    }
    return tags;
}

std::string text_of(LanguageDistances const& distance, std::vector<LanguageGroup> const& groups) {
    Table table({"group", "languages", "count", "least similarity"});
    for (std::size_t g = 0; g < groups.size(); ++g) {
        auto const& group = groups[g];
        table.add_row(
            {std::to_string(g), fmt::format("{}", fmt::join(tags_of(distance, group), " ")),
             std::to_string(group.size()),
             group.size() < 2 ? "-" : decimal_text(1.0 - largest_distance(distance, group), 4)}
        );
    }
    return fmt::format(
        "{}\nlargest distance within a group: {:.6g}\n", table.text(),
        grouping_objective(distance, groups)
    );
}

}  // namespace

Exit run_group_cluster(Arguments const& arguments) {
    ClusterConfig config;
    Options options(
        "group cluster",
        "Puts languages that are alike into groups of equal size, which will share experts (DMoE). "
        "The smaller the largest distance (1 - similarity) within a group, the better."
    );
    describe(options, config);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    auto const distance = language_distances_from_json(
        read_measurements(config.similarity), config.similarity.string()
    );
    auto const groups = clustered(distance, config);
    auto lists = Json::array();
    for (auto const& group : groups) {
        lists.push_back(tags_of(distance, group));
    }
    Json const json{
        {"groups", lists},
        {"objective", grouping_objective(distance, groups)},
        {"method", name_of(config.method)}};
    give_result(config.output, json, [&] { return text_of(distance, groups); });
    return Exit::done;
}

}  // namespace isogloss

// cli/evaluate_compare.cpp
#include <fmt/format.h>

#include <filesystem>

#include "base/options.h"
#include "cli/commands.h"
#include "train/evaluation_change.h"
#include "train/routing_shares.h"

namespace isogloss {
namespace {

struct CompareConfig {
    std::filesystem::path before;
    std::filesystem::path after;
    bool json = false;
};

void print(EvaluationChange const& change) {
    fmt::print("{}", to_table(change).text());
    if (change.layers.empty()) {
        fmt::print("\nFor what routers changed, make both with `evaluate --shares --out FILE`.\n");
    } else if (change.languages.size() <= kMostLanguageColumns) {
        fmt::print(
            "\nBy layer, per cent of choices: to new experts / moved among the old.\n\n{}",
            layer_table(change).text()
        );
    }
}

}  // namespace

Exit run_evaluate_compare(Arguments const& arguments) {
    CompareConfig config;
    Options options(
        "evaluate compare",
        "Compares two evaluations, say before and after an expansion: bits per byte of each "
        "language, and how far its tokens moved from expert to expert (drift)."
    );
    options.add_positional("A", config.before, "file of `evaluate --out`, of the older checkpoint");
    options.add_positional("B", config.after, "the same of the newer one");
    options.add("json", config.json, "print one JSON document instead of tables");
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    auto const change =
        evaluation_change(read_evaluation(config.before), read_evaluation(config.after));
    if (config.json) {
        fmt::print("{}\n", to_json(change).dump(2));
    } else {
        print(change);
    }
    return Exit::done;
}

}  // namespace isogloss

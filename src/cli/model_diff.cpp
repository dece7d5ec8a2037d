// cli/model_diff.cpp
#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <thread>

#include "base/json.h"
#include "base/require.h"
#include "base/table.h"
#include "checkpoint/diff.h"
#include "checkpoint/verify.h"
#include "cli/commands.h"

namespace isogloss {
namespace {

struct DiffConfig {
    std::filesystem::path a;
    std::filesystem::path b;
    std::string require_equal;
    bool content = false;
    bool json = false;
};

Json to_json(PartCount const& count) {
    return Json{
        {"equal", count.equal},
        {"different", count.different},
        {"only_in_a", count.only_in_a},
        {"only_in_b", count.only_in_b}};
}

Json to_json(CheckpointDiff const& diff) {
    Json tensors = Json::array();
    for (auto const& tensor : diff.tensors) {
        tensors.push_back(Json{{"name", tensor.name}, {"is", name_of(tensor.difference)}});
    }
    return Json{
        {"old_experts", diff.old_experts},
        {"old_experts_equal", diff.old_experts_kept},
        {"new_experts", diff.new_experts},
        {"backbone", to_json(diff.backbone)},
        {"routers", to_json(diff.routers)},
        {"experts", to_json(diff.experts)},
        {"tensors", tensors}};
}

void print(CheckpointDiff const& diff) {
    constexpr std::size_t kMostShown = 40;
    std::size_t changed = 0;
    for (auto const& tensor : diff.tensors) {
        if (tensor.difference != Difference::equal && ++changed <= kMostShown) {
            fmt::print("{:<10} {}\n", name_of(tensor.difference), tensor.name);
        }
    }
    if (changed > kMostShown) {
        fmt::print("and {} more (all with --json)\n", changed - kMostShown);
    }
    Table table({"tensors of", "equal", "different", "only in A", "only in B"});
    auto const add = [&](char const* name, PartCount const& count) {
        table.add_row(
            {name, std::to_string(count.equal), std::to_string(count.different),
             std::to_string(count.only_in_a), std::to_string(count.only_in_b)}
        );
    };
    add("backbone", diff.backbone);
    add("routers", diff.routers);
    add("experts", diff.experts);
    fmt::print("{}{}", changed > 0 ? "\n" : "", table.text());
    fmt::print(
        "\n{} of {} old experts equal, {} new experts\n", diff.old_experts_kept, diff.old_experts,
        diff.new_experts
    );
}

void require_content(StoredCheckpoint const& checkpoint) {
    auto const threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    auto const report = verify_checkpoint(checkpoint, {0, 1, threads});
    require_data(
        report.problems.empty(), "{} is not what its manifest says:\n    {}",
        checkpoint.folder.string(), fmt::join(report.problems, "\n    ")
    );
}

/// Tensors of A whose names match `pattern` must be equal in B.
void require_equal_tensors(CheckpointDiff const& diff, std::string const& pattern) {
    std::vector<std::string> unequal;
    int matching = 0;
    for (auto const& tensor : diff.tensors) {
        if (tensor.difference == Difference::only_in_b ||
            ::fnmatch(pattern.c_str(), tensor.name.c_str(), 0) != 0) {
            continue;
        }
        ++matching;
        if (tensor.difference != Difference::equal) {
            unequal.push_back(fmt::format("{}: {}", tensor.name, name_of(tensor.difference)));
        }
    }
    require_usage(
        matching > 0, "require-equal = {}: no tensor of A has such a name, as layers.0.experts.0.*",
        pattern
    );
    require_data(
        unequal.empty(), "{} of {} tensors that match {} are not equal:\n    {}", unequal.size(),
        matching, pattern, fmt::join(unequal, "\n    ")
    );
}

}  // namespace

Exit run_model_diff(Arguments const& arguments) {
    DiffConfig config;
    Options options(
        "model diff",
        "Compares two checkpoints tensor by tensor, by hash; shows that an expansion left old "
        "experts alone."
    );
    options.add_positional("A", config.a, "the older checkpoint");
    options.add_positional("B", config.b, "the newer checkpoint");
    options.add("require-equal", config.require_equal, "shell pattern of names; exit 3 if unequal");
    options.add("content", config.content, "hash all files first, instead of trusting manifests");
    options.add("json", config.json, "print one JSON document");
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    std::array const checkpoints{read_checkpoint(config.a), read_checkpoint(config.b)};
    if (config.content) {
        std::ranges::for_each(checkpoints, require_content);
    }
    auto const diff = diff_checkpoints(checkpoints[0].manifest, checkpoints[1].manifest);
    if (config.json) {
        fmt::print("{}\n", to_json(diff).dump(2));
    } else {
        print(diff);
    }
    if (!config.require_equal.empty()) {
        require_equal_tensors(diff, config.require_equal);
    }
    return Exit::done;
}

}  // namespace isogloss

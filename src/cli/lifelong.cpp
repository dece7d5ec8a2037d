// cli/lifelong.cpp
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "base/file.h"
#include "base/log.h"
#include "base/options.h"
#include "checkpoint/diff.h"
#include "checkpoint/load.h"
#include "checkpoint/manifest.h"
#include "checkpoint/partial_checkpoint.h"
#include "cli/stoppable.h"
#include "comm/collective.h"
#include "comm/world.h"
#include "growth/lifelong_plan.h"
#include "growth/lifelong_report.h"
#include "train/evaluation_record.h"

namespace isogloss {
namespace {

// Runs a plan as a person would: with the commands `model create`, `expand apply`, `train` and
// `evaluate`. What exists already is not made again, so a plan that was stopped goes on.
class LifelongRun {
public:
    LifelongRun(LifelongPlan const& plan, World const& world, StopSignal const& stop, Log& log)
        : plan_(plan), world_(world), stop_(stop), log_(log) {}

    // Exit::done with the report of rank 0 filled, or why it ended before.
    Exit run(LifelongReport& report) {
        for (std::size_t i = 0; i < plan_.stages.size(); ++i) {
            auto const exit = stop_requested() ? Exit::stopped : run_stage(i);
            if (exit != Exit::done) {
                return exit;
            }
            if (world_.comm().rank() == 0) {  // which wrote the scores
                report.stages.push_back(result_of(i));
            }
        }
        return Exit::done;
    }

private:
    [[nodiscard]] std::filesystem::path folder(std::size_t stage) const {
        return plan_.out / plan_.stages[stage].name;
    }
    // The checkpoint that a stage trains: created for the base, grown for the others.
    [[nodiscard]] std::filesystem::path start(std::size_t stage) const {
        return folder(stage) / (stage == 0 ? "created" : "grown");
    }
    [[nodiscard]] std::filesystem::path trained(std::size_t stage) const {
        auto const newest = latest_checkpoint(folder(stage) / "run" / "checkpoints");
        require(newest.has_value(), "{} has no checkpoint", folder(stage).string());
        return *newest;
    }

    // Of the stage's newest checkpoint, so that a stage that trained on is scored again.
    [[nodiscard]] std::filesystem::path scores(std::size_t stage) const {
        return folder(stage) / ("scores-" + trained(stage).filename().string() + ".json");
    }

    Exit run_stage(std::size_t stage) {
        log_.info(fmt::format(
            "stage {} of {}: {} ({})", stage + 1, plan_.stages.size(), plan_.stages[stage].name,
            fmt::join(plan_.stages[stage].languages, ", ")
        ));
        make_start(stage);
        auto const exit = run_train(train_arguments(stage), world_, stop_);
        if (exit != Exit::done) {
            return exit;
        }
        if (exists_for_all(scores(stage))) {
            return Exit::done;
        }
        return run_evaluate(evaluate_arguments(stage), world_, stop_);
    }

    [[nodiscard]] bool stop_requested() const { return any_of(stop_.requested(), world_.comm()); }

    void make_start(std::size_t stage) {
        auto const to = start(stage);
        bool const is_first = world_.comm().rank() == 0;
        if (exists_for_all(to / "manifest.json")) {
            if (is_first && stage > 0) {
                check_parent(stage);
            }
            return;
        }
        if (is_first) {
            make_folders(folder(stage));
        }
        barrier(world_.comm());
        if (stage == 0) {
            run_model_create(create_arguments(to), world_);
        } else if (is_first) {
            run_expand_apply(expand_arguments(stage, to));
        }
        barrier(world_.comm());
    }

    // A base that trained on leaves what was grown from it behind: the tables would compare
    // strangers.
    void check_parent(std::size_t stage) const {
        auto const parent = read_checkpoint(start(stage)).manifest.info.parent;
        require_usage(
            parent &&
                parent->manifest_sha256 == read_checkpoint(trained(stage - 1)).manifest_sha256,
            "{} was grown from another checkpoint than {}; remove {} to grow it again",
            start(stage).string(), trained(stage - 1).string(), folder(stage).string()
        );
    }

    [[nodiscard]] Arguments create_arguments(std::filesystem::path const& to) const {
        Arguments words{to.string(), "--corpus=" + plan_.corpus.string(), "--quiet"};
        append(words, plan_.model);
        return words;
    }

    [[nodiscard]] Arguments expand_arguments(std::size_t stage, std::filesystem::path const& to)
        const {
        auto const& expansion = plan_.stages[stage].expansion;
        return {
            "--from=" + trained(stage - 1).string(),
            "--to=" + to.string(),
            fmt::format("--experts={}", fmt::join(expansion.new_experts, ",")),
            fmt::format("--languages={}", fmt::join(plan_.stages[stage].languages, ",")),
            "--router=" + expansion.router,
            "--quiet"};
    }

    [[nodiscard]] Arguments train_arguments(std::size_t stage) const {
        auto const& settings = plan_.stages[stage];
        Arguments words{
            "--run.from=" + start(stage).string(), "--run.out=" + (folder(stage) / "run").string(),
            "--data.corpus=" + plan_.corpus.string(),
            fmt::format("--data.languages={}", fmt::join(settings.languages, ","))};
        append(words, settings.options);
        if (settings.replay_share > 0.0) {
            words.push_back(fmt::format(
                "--data.replay-languages={}", fmt::join(plan_.languages_before(stage), ",")
            ));
            words.push_back(fmt::format("--data.replay-share={}", settings.replay_share));
        }
        return words;
    }

    [[nodiscard]] Arguments evaluate_arguments(std::size_t stage) const {
        Arguments words{
            trained(stage).string(),
            "--corpus=" + plan_.corpus.string(),
            fmt::format("--languages={}", fmt::join(plan_.all_languages(), ",")),
            "--shares",
            "--out=" + scores(stage).string(),
            "--quiet"};
        for (auto const& [name, value] : plan_.stages[stage].options) {
            if (name == "train.row-length") {
                words.push_back("--row-length=" + value);
            }
            if (name == "train.evaluate-tokens") {
                words.push_back("--max-tokens=" + value);
            }
        }
        return words;
    }

    static void append(Arguments& words, std::vector<Setting> const& settings) {
        for (auto const& [name, value] : settings) {
            words.push_back("--" + name + "=" + value);
        }
    }

    // Rank 0 looks, all agree: another rank's view of a network disk may be older.
    [[nodiscard]] bool exists_for_all(std::filesystem::path const& path) const {
        bool const seen = world_.comm().rank() == 0 && std::filesystem::exists(path);
        return any_of(seen, world_.comm());
    }

    [[nodiscard]] StageResult result_of(std::size_t stage) const {
        StageResult result;
        result.name = plan_.stages[stage].name;
        result.languages = plan_.stages[stage].languages;
        for (auto const& score : read_evaluation(scores(stage)).scores) {
            result.bits_per_byte[score.language] = score.bits_per_byte();
        }
        auto const now = read_checkpoint(trained(stage));
        result.checkpoint = now.folder.string();
        if (stage > 0) {
            auto const before = read_checkpoint(trained(stage - 1));
            auto const diff = diff_checkpoints(before.manifest, now.manifest);
            result.new_experts = static_cast<std::int32_t>(diff.new_experts);
            result.growth_bytes = read_checkpoint(start(stage)).manifest.bytes_written;
            result.old_experts = diff.old_experts;
            result.old_experts_kept = diff.old_experts_kept;
            result.backbone_kept = diff.backbone.equal;
            result.backbone_tensors =
                diff.backbone.equal + diff.backbone.different + diff.backbone.only_in_a;
        }
        return result;
    }

    LifelongPlan const& plan_;
    World const& world_;
    StopSignal const& stop_;
    Log& log_;
};

void print(LifelongReport const& report, LifelongPlan const& plan, bool json) {
    write_json(plan.out / "summary.json", to_json(report));
    if (json) {
        fmt::print("{}\n", to_json(report).dump(2));
        return;
    }
    fmt::print(
        "\nBits per byte of held-out text after each stage (lower is better):\n\n{}\n"
        "Mean forgetting of the languages of a stage after later ones (less is better):\n\n{}\n"
        "What stages did for languages before, while and after they learned them:\n\n{}\n"
        "What each expansion wrote, and what it left as it was (by hash):\n\n{}\n"
        "Everything lies in {}\n",
        language_table(report).text(), forgetting_table(report).text(),
        transfer_table(report).text(), growth_table(report).text(), plan.out.string()
    );
}

}  // namespace

Exit run_lifelong(Arguments const& arguments, World const& world) {
    std::filesystem::path path;
    bool json = false;
    Options options(
        "lifelong",
        "Runs a plan: trains a base model, then adds group after group of languages as new "
        "experts. "
        "Each stage is a `model create` or `expand apply`, a `train` and an `evaluate`; what is "
        "done "
        "is not done again, so a stopped plan goes on."
    );
    options.add_positional("plan", path, "plan file, JSON (see docs/formats.md)");
    options.add("json", json, "print one JSON document instead of tables");
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options, world);
    }
    auto const plan = read_lifelong_plan(path);
    Log log(world.comm().rank());
    StopSignal const stop;
    LifelongReport report;
    auto const exit = LifelongRun(plan, world, stop, log).run(report);
    if (exit == Exit::done && world.comm().rank() == 0) {
        print(report, plan, json);
    }
    return exit;
}

}  // namespace isogloss

// cli/lifelong.cpp
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "base/log.h"
#include "base/options.h"
#include "checkpoint/diff.h"
#include "checkpoint/load.h"
#include "checkpoint/manifest.h"
#include "checkpoint/partial_checkpoint.h"
#include "cli/commands.h"
#include "cli/stoppable.h"
#include "comm/collective.h"
#include "comm/world.h"
#include "growth/lifelong_plan.h"
#include "growth/lifelong_report.h"
#include "growth/lifelong_steps.h"
#include "train/config.h"
#include "train/evaluation_record.h"

namespace isogloss {
namespace {

// Runs a plan as a person would: with the commands of its stages, one after another. What exists
// already is not made again, so a plan that was stopped goes on.
class LifelongRun {
public:
    LifelongRun(LifelongPlan const& plan, World const& world, Job& job, Log& log)
        : plan_(plan), world_(world), job_(job), log_(log) {}

    // Exit::done with the report of rank 0 filled, or why it ended before.
    Exit run(LifelongReport& report) {
        for (std::size_t i = 0; i < plan_.stages.size(); ++i) {
            auto const exit = run_stage(i);
            if (exit != Exit::done) {
                return exit;
            }
            if (is_first()) {  // which wrote the scores
                report.stages.push_back(result_of(i));
            }
            barrier(world_.comm());
        }
        return Exit::done;
    }

private:
    [[nodiscard]] bool is_first() const { return world_.comm().rank() == 0; }

    // The newest checkpoint of a run. Collective.
    [[nodiscard]] TrainedModel trained() const {
        return [this](std::filesystem::path const& run, std::vector<Setting> const& options) {
            auto const newest = latest_checkpoint(run / "checkpoints", world_.comm());
            return newest.value_or(planned_checkpoint(run, options));
        };
    }

    Exit run_stage(std::size_t stage) {
        log_.info(fmt::format(
            "stage {} of {}: {} ({})", stage + 1, plan_.stages.size(), plan_.stages[stage].name,
            fmt::join(plan_.stages[stage].languages, ", ")
        ));
        // Asked anew after each step: what the next one begins with is known only then.
        for (std::size_t i = 0;; ++i) {
            auto const steps = stage_steps(plan_, stage, trained());
            if (i == steps.size()) {
                return Exit::done;
            }
            auto const exit = stop_requested() ? Exit::stopped : run_step(steps[i]);
            if (exit != Exit::done) {
                return exit;
            }
        }
    }

    [[nodiscard]] bool stop_requested() const {
        return any_of(job_.stop().requested(), world_.comm());
    }

    Exit run_step(LifelongStep const& step) {
        auto const proof =
            step.kind == StepResult::checkpoint ? step.result / "manifest.json" : step.result;
        if (step.kind != StepResult::run && exists_for_all(proof)) {
            if (is_first()) {
                check_parent(step);
            }
            return Exit::done;
        }
        if (is_first()) {
            make_folders(step.result.parent_path());
        }
        barrier(world_.comm());
        log_.info(fmt::format("{}: isogloss {}", step.name, step.command));
        auto const exit = run_command(step);
        barrier(world_.comm());
        return exit;
    }

    Exit run_command(LifelongStep const& step) {
        if (step.command == "train") {
            return run_train(step.words, world_, job_);
        }
        if (step.command == "evaluate") {
            return run_evaluate(step.words, world_, job_);
        }
        if (step.command == "group probe") {
            return run_group_probe(step.words, world_, job_);
        }
        if (step.command == "expand similarity") {
            return run_expand_similarity(step.words, world_, job_);
        }
        if (step.command == "expand scan") {
            return run_expand_scan(step.words, world_, job_);
        }
        auto const all = commands();
        auto const command = std::ranges::find(all, step.command, &Command::name);
        require(command != all.end(), "there is no command {}", step.command);
        if (auto const* on_ranks = std::get_if<Command::OnRanks>(&command->run)) {
            return (*on_ranks)(step.words, world_);
        }
        auto const* on_first = std::get_if<Command::OnFirst>(&command->run);
        auto const alone =
            on_first != nullptr ? on_first->run : std::get<Command::Alone>(command->run);
        return is_first() ? alone(step.words) : Exit::done;
    }

    // A model that trained on leaves what was grown from it behind: the tables would compare
    // strangers.
    static void check_parent(LifelongStep const& step) {
        if (step.kind != StepResult::checkpoint || step.from.empty()) {
            return;
        }
        auto const parent = read_checkpoint(step.result).manifest.info.parent;
        require_usage(
            parent && parent->manifest_sha256 == read_checkpoint(step.from).manifest_sha256,
            "{} was grown from another checkpoint than {}; remove {} to grow it again",
            step.result.string(), step.from.string(), step.result.parent_path().string()
        );
    }

    // Rank 0 looks, all agree: another rank's view of a network disk may be older.
    [[nodiscard]] bool exists_for_all(std::filesystem::path const& path) const {
        return any_of(is_first() && std::filesystem::exists(path), world_.comm());
    }

    // Of one rank alone, so without the collective look for checkpoints.
    [[nodiscard]] StageResult result_of(std::size_t stage) const {
        TrainedModel const newest = [](auto const& run, auto const& options) {
            return latest_checkpoint(run / "checkpoints")
                .value_or(planned_checkpoint(run, options));
        };
        StageResult result;
        result.name = plan_.stages[stage].name;
        result.languages = plan_.stages[stage].languages;
        auto const steps = stage_steps(plan_, stage, newest);
        for (auto const& score : read_evaluation(steps.back().result).scores) {
            result.bits_per_byte[score.language] = score.bits_per_byte();
        }
        auto const now = read_checkpoint(final_model(plan_, stage, newest));
        result.checkpoint = now.folder.string();
        if (stage > 0) {
            compare(read_checkpoint(final_model(plan_, stage - 1, newest)), now, result);
            for (auto const& step : steps) {
                result.growth_bytes += step.kind == StepResult::checkpoint
                                           ? read_checkpoint(step.result).manifest.bytes_written
                                           : 0;
            }
        }
        return result;
    }

    static void compare(
        StoredCheckpoint const& before, StoredCheckpoint const& now, StageResult& result
    ) {
        auto const diff = diff_checkpoints(before.manifest, now.manifest);
        result.new_experts = static_cast<std::int32_t>(diff.new_experts);
        result.old_experts = diff.old_experts;
        result.old_experts_kept = diff.old_experts_kept;
        result.backbone_kept = diff.backbone.equal;
        result.backbone_tensors =
            diff.backbone.equal + diff.backbone.different + diff.backbone.only_in_a;
    }

    LifelongPlan const& plan_;
    World const& world_;
    Job& job_;
    Log& log_;
};

// Every fault of the options of every training, before the first one starts.
void check_trainings(LifelongPlan const& plan, int num_ranks) {
    std::vector<std::string> faults;
    for (std::size_t i = 0; i < plan.stages.size(); ++i) {
        for (auto const& step : stage_steps(plan, i, planned_checkpoint)) {
            if (step.command != "train") {
                continue;
            }
            RunConfig run;
            Options options("train", "");
            describe(options, run);
            options.add_check([&] { return problems(run, num_ranks); });
            try {
                options.parse(step.words);
            } catch (Error const& error) {
                faults.push_back(
                    fmt::format("stage {}, {}: {}", plan.stages[i].name, step.name, error.what())
                );
            }
        }
    }
    require_usage(faults.empty(), "{}", fmt::join(faults, "\n"));
}

void print_steps(LifelongPlan const& plan) {
    for (std::size_t i = 0; i < plan.stages.size(); ++i) {
        auto const& stage = plan.stages[i];
        fmt::print(
            "# stage {} of {}: {} ({}), recipe {}\n", i + 1, plan.stages.size(), stage.name,
            fmt::join(stage.languages, ", "), name_of(stage.recipe)
        );
        for (auto const& step : stage_steps(plan, i, planned_checkpoint)) {
            fmt::print("isogloss {} {}\n", step.command, fmt::join(step.words, " "));
        }
    }
}

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

Exit run_lifelong(Arguments const& arguments, World const& world, Job& job) {
    std::filesystem::path path;
    bool dry_run = false;
    bool json = false;
    Options options(
        "lifelong",
        "Runs a plan: trains a base model, then adds group after group of languages as new "
        "experts. "
        "Each stage is a recipe of commands (plain, DMoE, MoE-LPR, LayerMoE), the last one "
        "`evaluate`; what is done is not done again, so a stopped plan goes on."
    );
    options.add_positional("plan", path, "plan file, JSON (see docs/formats.md)");
    options.add("dry-run", dry_run, "print the commands that the plan stands for, and run none");
    options.add("json", json, "print one JSON document instead of tables");
    job.describe(options);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options, world);
    }
    auto const plan = read_lifelong_plan(path);
    check_trainings(plan, world.comm().size());
    if (dry_run) {
        if (world.comm().rank() == 0) {
            print_steps(plan);
        }
        return Exit::done;
    }
    Log log(world.comm().rank());
    job.begin(options.resolved(), plan.out);
    LifelongReport report;
    auto const exit = LifelongRun(plan, world, job, log).run(report);
    if (exit == Exit::done && world.comm().rank() == 0) {
        print(report, plan, json);
    }
    return exit;
}

}  // namespace isogloss

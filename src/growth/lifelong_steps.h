// growth/lifelong_steps.h - a stage of a lifelong plan as the commands that a person would type.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "growth/lifelong_plan.h"

namespace isogloss {

/// What a command leaves, by which one knows that it is done.
enum class StepResult : std::uint8_t {
    file,        ///< JSON
    checkpoint,  ///< made from `from`, which its manifest names
    run,         ///< a run directory; the command itself knows whether it is done
};

struct LifelongStep {
    std::string name;                ///< "review"
    std::string command;             ///< "train"
    std::vector<std::string> words;  ///< its arguments
    StepResult kind = StepResult::file;
    std::filesystem::path result;
    std::filesystem::path from;  ///< the checkpoint it begins with; empty: none
};

/// Where the newest checkpoint of a run directory is, or will be after these options of `train`.
using TrainedModel = std::function<
    std::filesystem::path(std::filesystem::path const& run, std::vector<Setting> const& options)>;

/// The checkpoint of the run's last step, by its options: a TrainedModel that looks at no disk.
std::filesystem::path planned_checkpoint(
    std::filesystem::path const& run, std::vector<Setting> const& options
);

/// All steps of stage `stage`, in order, the scoring of its model last (named "evaluate").
///
/// Pure but for what `trained` looks at. The words of a step are right once the steps before it are
/// done, so who runs them asks again after each.
std::vector<LifelongStep> stage_steps(
    LifelongPlan const& plan, std::size_t stage, TrainedModel const& trained
);

/// The checkpoint that stage `stage` ends with.
std::filesystem::path final_model(
    LifelongPlan const& plan, std::size_t stage, TrainedModel const& trained
);

}  // namespace isogloss

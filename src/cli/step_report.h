// cli/step_report.h - what bench step measured, as JSON and as a table.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "cli/bench_model.h"
#include "cli/measured_limits.h"
#include "comm/rank_device.h"

namespace isogloss {

struct StepBench {
    BenchModel model;
    RankDevice device;
    std::int64_t steps = 6;
    bool recompute = false;
    bool json = false;
};

/// What was measured. Seconds of a step are those of the slowest rank, phases those of this rank.
struct StepTimes {
    std::vector<double> seconds;
    std::vector<std::pair<std::string, std::vector<double>>> phases;

    void add_phase(std::string const& name, double value) {
        auto found = std::ranges::find(phases, name, &decltype(phases)::value_type::first);
        if (found == phases.end()) {
            phases.push_back({name, {}});
            found = phases.end() - 1;
        }
        found->second.push_back(value);
    }
};

/// Of `ranks` ranks.
Json step_json(StepBench const& bench, StepTimes const& times, StepLimits const& limits, int ranks);

/// Prints a document of step_json to which memory and load were added: "activation_bytes",
/// "activation_blocks", "device_bytes", "busiest_expert" and "busiest_rank".
void print_step(StepBench const& bench, Json const& json);

}  // namespace isogloss

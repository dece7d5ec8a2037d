// train/metric_log.h - metrics.jsonl: one JSON object a step, whole lines only, no step twice.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/json.h"
#include "train/event_file.h"

namespace isogloss {

/// Does FOLDER/metrics.jsonl have a whole line of `step` with `key`? False where there is no file.
bool has_line(std::filesystem::path const& folder, std::int64_t step, std::string const& key);

/// Written by one rank. The same numbers go to a TensorBoard event file beside it.
class MetricLog {
public:
    /// Opens FOLDER/metrics.jsonl to go on after `step`: lines of later steps, which a killed run
    /// wrote after its last checkpoint, and a half line at the end are dropped.
    /// @throws Error  (environment) when it cannot be written
    MetricLog(std::filesystem::path const& folder, std::int64_t step);

    /// Appends a line; `metrics` has "step". Numbers at the top level and one level below become
    /// TensorBoard scalars ("loss", "language_loss/el").
    void write(Json const& metrics);

private:
    std::filesystem::path path_;
    std::ofstream file_;
    EventFile events_;
};

}  // namespace isogloss

// train/metric_log.cpp
#include "train/metric_log.h"

#include <string>
#include <utility>
#include <vector>

#include "base/file.h"

namespace isogloss {
namespace {

constexpr char const* kName = "metrics.jsonl";

// The step of a line; -1 for what is no line of metrics.
std::int64_t step_of(Json const& metrics) {
    bool const has_step = metrics.is_object() && metrics.contains("step");
    return has_step && metrics["step"].is_number_integer() ? metrics["step"].get<std::int64_t>()
                                                           : -1;
}

// The lines of `path` up to `step`.
std::string lines_until(std::filesystem::path const& path, std::int64_t step) {
    std::ifstream file(path);
    std::string kept;
    for (std::string line; std::getline(file, line) && !file.eof();) {
        auto const its = step_of(Json::parse(line, nullptr, false));
        if (0 <= its && its <= step) {
            kept += line + "\n";
        }
    }
    return kept;
}

std::vector<std::pair<std::string, double>> scalars_of(Json const& metrics) {
    std::vector<std::pair<std::string, double>> scalars;
    for (auto const& [key, value] : metrics.items()) {
        if (value.is_number()) {
            scalars.emplace_back(key, value.get<double>());
        }
        if (!value.is_object()) {
            continue;
        }
        for (auto const& [inner, number] : value.items()) {
            if (number.is_number()) {
                scalars.emplace_back(key + "/" + inner, number.get<double>());
            }
        }
    }
    return scalars;
}

}  // namespace

bool has_line(std::filesystem::path const& folder, std::int64_t step, std::string const& key) {
    std::ifstream file(folder / kName);
    bool found = false;
    for (std::string line; !found && std::getline(file, line) && !file.eof();) {
        auto const metrics = Json::parse(line, nullptr, false);
        found = step_of(metrics) == step && metrics.contains(key);
    }
    return found;
}

MetricLog::MetricLog(std::filesystem::path const& folder, std::int64_t step)
    : path_(folder / kName), events_(folder / "tensorboard", step) {
    write_file(path_, lines_until(path_, step));
    file_.open(path_, std::ios::app);
    require_environment(file_.is_open(), "{}: cannot be opened for writing", path_.string());
}

void MetricLog::write(Json const& metrics) {
    file_ << metrics.dump() << std::endl;  // flushed: a user follows the file while it grows
    require_environment(file_.good(), "{}: writing failed; is the disk full?", path_.string());
    events_.write(metrics.at("step").get<std::int64_t>(), scalars_of(metrics));
}

}  // namespace isogloss

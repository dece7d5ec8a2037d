// growth/step_files.cpp
#include "growth/step_files.h"

#include "base/json.h"

namespace isogloss {
namespace {

template <class T>
T read_key(std::filesystem::path const& path, char const* key) {
    return json_get<T>(read_json(path), key, path.string());
}

}  // namespace

std::vector<std::vector<std::string>> read_groups(std::filesystem::path const& path) {
    return read_key<std::vector<std::vector<std::string>>>(path, "groups");
}

std::vector<std::int64_t> read_layers(std::filesystem::path const& path) {
    return read_key<std::vector<std::int64_t>>(path, "layers");
}

Allocation read_allocation(std::filesystem::path const& path) {
    auto const json = read_json(path);
    Allocation allocation;
    allocation.experts = json_get<std::vector<std::int32_t>>(json, "experts", path.string());
    if (json.contains("added")) {
        allocation.added = json_get<std::vector<std::int32_t>>(json, "added", path.string());
        require_data(
            allocation.added.size() == allocation.experts.size(),
            "{}: \"experts\" has {} layers and \"added\" has {}", path.string(),
            allocation.experts.size(), allocation.added.size()
        );
    }
    for (std::size_t i = 0; i < allocation.experts.size(); ++i) {
        require_data(
            allocation.experts[i] >= 1,
            "{}: \"experts\" has {} for layer {}: must be at least 1, which is the old model",
            path.string(), allocation.experts[i], i
        );
    }
    return allocation;
}

std::vector<double> read_new_old_similarity(std::filesystem::path const& path) {
    // Numbers that are not finite have no form in JSON; a writer leaves null, which is no number.
    return read_key<std::vector<double>>(path, "new_old");
}

std::int32_t read_best_expert(std::filesystem::path const& path) {
    auto const best = read_key<std::int32_t>(path, "best");
    require_data(best >= 0, "{}: \"best\" = {}: must be an expert's number", path.string(), best);
    return best;
}

}  // namespace isogloss

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

std::vector<std::int32_t> read_allocation(std::filesystem::path const& path) {
    auto const experts = read_key<std::vector<std::int32_t>>(path, "experts");
    for (std::size_t i = 0; i < experts.size(); ++i) {
        require_data(
            experts[i] >= 1,
            "{}: \"experts\" has {} for layer {}: must be at least 1, which is the old model",
            path.string(), experts[i], i
        );
    }
    return experts;
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

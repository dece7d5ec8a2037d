// growth/step_files.h - the JSON that one step of a growth leaves for the next.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace isogloss {

/// "groups" of `group cluster --json`: languages, one list an expert.
/// @throws Error  (data) with the file and what is wrong; so do all of these
std::vector<std::vector<std::string>> read_groups(std::filesystem::path const& path);

/// "layers" of `group layers --json`.
std::vector<std::int64_t> read_layers(std::filesystem::path const& path);

struct Allocation {
    std::vector<std::int32_t> experts;  ///< of each layer in all, at least 1
    std::vector<std::int32_t> added;    ///< of these, new; empty: not said
};

/// "experts" of `expand allocate --json`, and "added" where it is there.
Allocation read_allocation(std::filesystem::path const& path);

/// "new_old" of `expand similarity --json`: one finite number a layer.
std::vector<double> read_new_old_similarity(std::filesystem::path const& path);

/// "best" of `expand scan --json`: the expert to copy.
std::int32_t read_best_expert(std::filesystem::path const& path);

}  // namespace isogloss

// checkpoint/partial_checkpoint.cpp
#include "checkpoint/partial_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <system_error>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/require.h"

namespace isogloss {
namespace {

constexpr std::string_view kPartial = ".partial";
constexpr std::string_view kStep = "step-";

/// Steps of "step-00001200"; -1 for any other name.
std::int64_t step_of(std::string const& name) {
    if (!name.starts_with(kStep)) {
        return -1;
    }
    auto const digits = std::string_view(name).substr(kStep.size());
    auto const is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (digits.size() < 8 || digits.size() > 18 || !std::ranges::all_of(digits, is_digit)) {
        return -1;
    }
    return std::stoll(std::string(digits));
}

void remove_folder(std::filesystem::path const& folder) {
    std::error_code error;
    std::filesystem::remove_all(folder, error);
    require_environment(
        !error, "{}: cannot be removed: {}; it is what a killed save left: remove it by hand",
        folder.string(), error.message()
    );
}

/// The folder that holds `folder`, as a path that can be opened.
std::filesystem::path above(std::filesystem::path const& folder) {
    return folder.has_parent_path() ? folder.parent_path() : std::filesystem::path(".");
}

}  // namespace

std::filesystem::path partial_folder(std::filesystem::path const& folder) {
    return with_ending(without_last_slash(folder), kPartial);
}

std::filesystem::path step_folder(std::int64_t step) {
    return fmt::format("{}{:08}", kStep, step);
}

std::int64_t step_of_folder(std::filesystem::path const& folder) {
    return step_of(folder.filename().string());
}

bool is_step_folder(std::filesystem::path const& folder) {
    return step_of_folder(folder) >= 0;
}

PartialCheckpoint::PartialCheckpoint(
    std::filesystem::path const& folder, std::int64_t bytes, IfThere if_there
)
    : final_(without_last_slash(folder)), partial_(partial_folder(folder)), if_there_(if_there) {
    require_usage(
        if_there == IfThere::replace || !std::filesystem::exists(final_),
        "{}: exists already; choose another folder or remove it", final_.string()
    );
    make_folders(above(final_));
    remove_folder(partial_);
    require_free_space(above(final_), bytes);
    make_folders(partial_);
}

PartialCheckpoint::~PartialCheckpoint() {
    std::error_code ignored;  // gone after a commit; after a fault, the next save removes it
    std::filesystem::remove_all(partial_, ignored);
}

StoredCheckpoint PartialCheckpoint::commit(Manifest const& manifest) {
    auto const text = manifest_text(manifest);
    write_file(partial_ / "manifest.json", text);
    flush_to_disk(partial_);
    auto const is_there = std::filesystem::exists(final_);
    require_usage(
        if_there_ == IfThere::replace || !is_there, "{}: somebody else made it meanwhile",
        final_.string()
    );
    // A folder that is not empty cannot be renamed over. Killed between the two renames, the job
    // finds the checkpoint before this one, and computes this step again.
    auto const replaced = partial_folder(with_ending(final_, ".replaced"));
    if (is_there) {
        remove_folder(replaced);
        rename_path(final_, replaced);
    }
    rename_path(partial_, final_);
    flush_to_disk(above(final_));
    remove_folder(replaced);
    return {final_, manifest, sha256(text)};
}

std::optional<std::filesystem::path> latest_checkpoint(std::filesystem::path const& root) {
    std::error_code error;
    std::int64_t newest = -1;
    std::optional<std::filesystem::path> found;
    for (auto const& entry : std::filesystem::directory_iterator(root, error)) {
        auto const step = step_of(entry.path().filename().string());
        std::error_code ignored;
        if (step > newest && std::filesystem::exists(entry.path() / "manifest.json", ignored)) {
            newest = step;
            found = entry.path();
        }
    }
    require_environment(
        !error || error == std::errc::no_such_file_or_directory, "{}: cannot be listed: {}",
        root.string(), error.message()
    );
    return found;
}

void remove_partial_checkpoints(std::filesystem::path const& root) {
    std::error_code error;
    std::vector<std::filesystem::path> leftovers;
    for (auto const& entry : std::filesystem::directory_iterator(root, error)) {
        auto const name = entry.path().filename().string();
        if (name.starts_with(kStep) && name.ends_with(kPartial)) {
            leftovers.push_back(entry.path());
        }
    }
    for (auto const& folder : leftovers) {
        remove_folder(folder);
    }
}

}  // namespace isogloss

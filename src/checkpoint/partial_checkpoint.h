// checkpoint/partial_checkpoint.h - a checkpoint that exists whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "checkpoint/manifest.h"

namespace isogloss {

enum class IfThere : std::uint8_t { refuse, replace };

/// Files are written into FOLDER.partial/, which then becomes FOLDER/ by a rename.
///
///     PartialCheckpoint partial(root / step_folder(1200), bytes, IfThere::replace);
///     ...write shards into partial.folder(), each flushed to disk...
///     partial.commit(manifest);
///
/// Readers look only at names without ".partial", and a rename of a folder is atomic on POSIX file
/// systems: a job killed at any moment leaves the previous checkpoint the newest. Not collective:
/// one rank owns this, the others write into the folder it made.
class PartialCheckpoint {
public:
    /// Removes what a killed attempt at this folder left behind, checks that `bytes` are free, and
    /// makes the partial folder.
    /// @throws Error  (usage) when FOLDER exists and is to be refused; (environment) when the disk
    ///         has not the room or the place is not writable
    PartialCheckpoint(std::filesystem::path const& folder, std::int64_t bytes, IfThere if_there);
    PartialCheckpoint(PartialCheckpoint const&) = delete;
    PartialCheckpoint& operator=(PartialCheckpoint const&) = delete;
    /// Removes the partial folder unless it was committed.
    ~PartialCheckpoint();

    [[nodiscard]] std::filesystem::path const& folder() const { return partial_; }

    /// Writes manifest.json, flushes the folder, renames it and flushes the folder above.
    /// @throws Error  (environment); nothing of the new checkpoint is then left
    StoredCheckpoint commit(Manifest const& manifest);

private:
    std::filesystem::path final_;
    std::filesystem::path partial_;
    IfThere if_there_;
};

/// FOLDER.partial, where a checkpoint is written before it is FOLDER.
std::filesystem::path partial_folder(std::filesystem::path const& folder);

/// "step-00001200"
std::filesystem::path step_folder(std::int64_t step);
/// 1200 of "step-00001200"; -1 where its last part is no such name.
std::int64_t step_of_folder(std::filesystem::path const& folder);
/// Is its last part such a name?
bool is_step_folder(std::filesystem::path const& folder);

/// The committed checkpoint of the highest step under `root`, or nothing. A run's folder without
/// checkpoints, or none at all, is nothing.
std::optional<std::filesystem::path> latest_checkpoint(std::filesystem::path const& root);

/// Removes the step-*.partial folders under `root` that killed attempts left. Only the one job that
/// writes to `root` may call it.
void remove_partial_checkpoints(std::filesystem::path const& root);

}  // namespace isogloss

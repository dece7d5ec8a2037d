// checkpoint/run_checkpoints.h - the checkpoints of one run: the newest that is whole, which stay.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "checkpoint/shard_file.h"
#include "comm/mpi_comm.h"

namespace isogloss {

/// Steps of the committed checkpoints under `root`, ascending; none where there is no such folder.
std::vector<std::int64_t> checkpoint_steps(std::filesystem::path const& root);

/// A checkpoint that is not what its manifest says.
struct DamagedCheckpoint {
    std::filesystem::path folder;
    std::vector<std::string> problems;  ///< each with its file
};

struct NewestCheckpoint {
    std::optional<StoredCheckpoint> whole;   ///< nothing: there is none
    std::vector<DamagedCheckpoint> damaged;  ///< those that are newer, newest first
};

/// Are the files of a checkpoint with this manifest to be hashed?
using HashRule = std::function<HashCheck(Manifest const&)>;

/// The newest checkpoint under `root` that is whole: a manifest that agrees with itself and with
/// the folder's name, every file in its size and, where `rule` asks for it, with its hash. Each
/// file is hashed by one rank. Collective over `world`; the same result on every rank.
/// @throws Error  (environment) when `root` cannot be listed
NewestCheckpoint newest_whole_checkpoint(
    std::filesystem::path const& root, HashRule const& rule, MpiComm const& world
);

/// Takes a damaged checkpoint out of the way, for a person to look at: renames it to
/// FOLDER.damaged, in place of an older one.
/// @throws Error  (environment)
void set_aside(std::filesystem::path const& folder);

/// Makes `latest`, beside the committed checkpoint `folder`, a symbolic link to it. A reader finds
/// the old link or the new one. Returns "", also where `folder` is no step of a run, or why it
/// could not be.
std::string point_latest(std::filesystem::path const& folder);

/// Which checkpoints a run keeps.
struct Retention {
    std::int64_t last = 3;   ///< this many newest; 0: all
    std::int64_t every = 0;  ///< and those of steps that it divides; 0: no others
};

/// Those of `steps` (ascending) that are not kept. Never the last one.
std::vector<std::int64_t> superseded(
    std::vector<std::int64_t> const& steps, Retention const& retention
);

/// Takes the checkpoints of `root` up to `newest` that are not kept, other than the one `latest`
/// names, out of the list by a rename each. Returns the new names, for the caller to remove: what
/// a killed job leaves of them, remove_partial_checkpoints() finds. Files that a younger checkpoint
/// shares stay.
/// @throws Error  (environment)
std::vector<std::filesystem::path> retire(
    std::filesystem::path const& root, std::int64_t newest, Retention const& retention
);

}  // namespace isogloss

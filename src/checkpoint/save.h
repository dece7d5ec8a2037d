// checkpoint/save.h - writes the model that the ranks of a job hold into a checkpoint.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "checkpoint/optimizer_state.h"
#include "comm/mpi_comm.h"
#include "model/config.h"
#include "model/parameters.h"

namespace isogloss {

/// What is saved.
struct SaveInput {
    ModelConfig const& config;
    ParameterTable const& parameters;
    /// State that this rank owns; must be empty on all ranks when info.optimizer_step is -1.
    std::span<StatePiece const> optimizer;
    /// Where the frozen parameters were loaded from, or last saved to; null: nowhere. Files all of
    /// whose parameters are frozen become hard links to this checkpoint's.
    StoredCheckpoint const* origin = nullptr;
};

struct SaveResult {
    StoredCheckpoint checkpoint;        ///< pass as the origin of the next save
    std::vector<std::string> warnings;  ///< for the log; on rank 0
};

/// Writes `folder` (ROOT/step-00001200), replacing an older one of this name. Collective over
/// `world`: all ranks return, with the same result, or all throw. The weights of a parameter are
/// written by one of its holders and the files are spread over the ranks; state of the optimizer
/// travels to the rank that writes the file. Content and names of all files are independent of the
/// number of ranks and of placement: equal models give equal bytes.
///
/// A file that cannot be linked (another file system, links forbidden, the origin is gone) is
/// written from memory, which gives the same bytes, and a warning says so.
///
/// @throws Error  (environment) disk full, folder not writable: nothing of it is left then
SaveResult save_checkpoint(
    std::filesystem::path const& folder,
    SaveInput const& input,
    CheckpointInfo const& info,
    MpiComm const& world
);

}  // namespace isogloss

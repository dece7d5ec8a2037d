// checkpoint/streamed_checkpoint.h - a checkpoint whose tensors come from elsewhere, row by row.
#pragma once

#include <filesystem>
#include <functional>

#include "checkpoint/manifest.h"
#include "checkpoint/shard_file.h"
#include "comm/mpi_comm.h"
#include "model/parameters.h"

namespace isogloss {

/// Appends all rows of one parameter.
using RowSource = std::function<void(ParameterSpec const&, ShardWriter&)>;

/// Writes `folder` at step 0, without state of the optimizer: each file by one rank, which asks
/// `rows` for its parameters only, so nobody holds more than the rows that it appends. The same
/// bytes on any number of ranks. Collective over `world`; all return or all throw.
/// @throws Error  (usage) when `folder` exists; (environment) disk full; what `rows` throws
StoredCheckpoint write_streamed_checkpoint(
    std::filesystem::path const& folder,
    ModelConfig const& config,
    CheckpointInfo const& info,
    RowSource const& rows,
    MpiComm const& world
);

}  // namespace isogloss

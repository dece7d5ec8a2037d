// checkpoint/load.h - reads a checkpoint onto the ranks of a job, whatever wrote it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "checkpoint/manifest.h"
#include "checkpoint/optimizer_state.h"
#include "checkpoint/shard_file.h"
#include "comm/mpi_comm.h"
#include "model/parameters.h"

namespace isogloss {

/// read_checkpoint on rank 0, its result on all. Collective over `world`; all return or all throw.
/// @throws Error  (data) with every fault
StoredCheckpoint read_checkpoint(std::filesystem::path const& folder, MpiComm const& world);

/// latest_checkpoint on rank 0, its result on all: another rank's view of a network disk may be
/// older. Collective over `world`.
std::optional<std::filesystem::path> latest_checkpoint(
    std::filesystem::path const& root, MpiComm const& world
);

/// Fills the parameters that this rank holds. Collective over `world`; all return or all throw. The
/// number of ranks and the placement may differ from those of the job that saved.
/// @throws Error  (data) with every parameter that is missing, unknown or of another shape or type,
///         and every tensor whose bytes are not those of the manifest
void load_weights(
    StoredCheckpoint const& checkpoint,
    ParameterTable& parameters,
    HashCheck check,
    MpiComm const& world
);

/// Fills the optimizer state that this rank owns. Collective over `world`; all return or all throw.
/// With HashCheck::compare each tensor of state is hashed whole by one rank.
/// @throws Error  (data) when a piece's state is not in the checkpoint, or damaged
void load_optimizer(
    StoredCheckpoint const& checkpoint,
    ParameterTable const& parameters,
    std::span<StatePiece const> pieces,
    HashCheck check,
    MpiComm const& world
);

/// That text of `source` is what the checkpoint's model has learned to read. A checkpoint that does
/// not know its separator takes any.
/// @param separator  token that begins the documents of `source`
/// @param source     named in the error: "corpus /data/c"
/// @throws Error  (data) when the checkpoint was trained with another tokenizer or separator
void require_tokenizer(
    StoredCheckpoint const& checkpoint,
    std::string const& sha256,
    std::int32_t separator,
    std::string const& source
);

}  // namespace isogloss

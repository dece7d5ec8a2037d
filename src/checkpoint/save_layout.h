// checkpoint/save_layout.h - the files of a checkpoint that is to be saved, and who made which.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "checkpoint/shard_file.h"
#include "checkpoint/shard_layout.h"
#include "comm/mpi_comm.h"

namespace isogloss {

enum class Holding : std::uint8_t { weights, state };

/// One file, the same on every rank.
struct PlannedFile {
    ShardPlan plan;
    Holding holding = Holding::weights;
    std::vector<TensorRecord> tensors;  ///< without hashes

    /// Of its elements.
    [[nodiscard]] std::int64_t bytes() const;
};

/// All files of a checkpoint, those of weights first; state where info.optimizer_step >= 0.
std::vector<PlannedFile> planned_files(
    std::span<ParameterSpec const> specs, CheckpointInfo const& info
);

/// Most bytes that these files and a manifest take on a disk, headers included.
std::int64_t bytes_on_disk(std::span<PlannedFile const> files);

enum class Making : std::uint8_t { written, linked };

/// A file that one rank finished.
struct MadeFile {
    std::size_t plan = 0;  ///< its place among the planned files
    Making making = Making::written;
    FinishedShard shard;
    std::string warning;
};

/// What each rank made, in the planned order. Collective over `world`.
std::vector<MadeFile> gather_made(
    std::span<MadeFile const> mine, std::span<PlannedFile const> files, MpiComm const& world
);

/// The manifest's files and tensors: parameters in the table's order, then state.
void take_records(
    Manifest& manifest, std::span<MadeFile const> made, std::span<ParameterSpec const> specs
);

}  // namespace isogloss

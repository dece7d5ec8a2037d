// train/checkpoint_writer.h - saves a run's checkpoints while the run goes on.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "checkpoint/manifest.h"
#include "checkpoint/save.h"
#include "comm/mpi_comm.h"
#include "model/language_model.h"
#include "model/optimizer.h"
#include "train/config.h"
#include "train/run_directory.h"
#include "train/run_record.h"

namespace isogloss {

/// What is saved, and where. All of it outlives the writer.
struct WriterParts {
    RunDirectory const& directory;
    TrainConfig const& config;
    LanguageModel const& model;
    Optimizer const& optimizer;
    RunRecord& record;
    Log& log;
    MpiComm const& world;
};

/// At a save the ranks copy what changed to host memory; a thread of each rank writes it while
/// training goes on; when all have written, the checkpoint is committed between two steps. At most
/// one save is on its way. All MPI is done by the calling thread.
///
///     writer.save(info);                            // the loop stands still for the copy
///     ...between steps: all ranks agree that none is_writing()...
///     if (writer.is_under_way() && nobody_is_writing) { writer.commit(); }
///     writer.finish();                              // before the program ends
///
/// With train.checkpoint-writing = wait, save() does all of it.
class CheckpointWriter {
public:
    /// @param origin  checkpoint that the parameters were loaded from
    CheckpointWriter(WriterParts const& parts, StoredCheckpoint origin);
    /// Waits for the thread; what was not committed is removed.
    ~CheckpointWriter();
    CheckpointWriter(CheckpointWriter const&) = delete;
    CheckpointWriter& operator=(CheckpointWriter const&) = delete;

    /// The disk has room for a first checkpoint; a warning where it has none for as many as the run
    /// keeps. Collective over the world.
    /// @throws Error  (environment) naming what is needed and what is free
    void require_room(CheckpointInfo const& info);

    /// Saves the run as it is. Waits first for a save that is under way. Collective over the world.
    /// @throws Error  (environment) the disk is full, ...: the checkpoint before stays the newest
    void save(CheckpointInfo const& info);

    /// Is a save begun and not committed? The same on all ranks.
    [[nodiscard]] bool is_under_way() const { return save_.has_value(); }
    /// Does this rank's thread still write?
    [[nodiscard]] bool is_writing() const { return is_under_way() && !is_written_; }

    /// Makes the save that is under way the newest checkpoint, and removes those that the run does
    /// not keep; waits for this rank's thread if need be. Collective over the world.
    /// @throws Error  (environment) what any rank's thread met
    void commit();
    /// commit(), if a save is under way. Collective over the world.
    void finish();

    /// The newest checkpoint, committed.
    [[nodiscard]] StoredCheckpoint const& newest() const { return newest_; }
    /// What a save took last, from its beginning to its commit, in seconds; 0 before the first.
    [[nodiscard]] double seconds_to_save() const { return last_.seconds; }

private:
    void begin(CheckpointInfo const& info);
    void wait_for_thread();
    void remove_superseded(std::int64_t step);

    WriterParts parts_;
    StoredCheckpoint newest_;
    CheckpointReport last_;
    CheckpointReport now_;  ///< of the save that is under way
    Timer since_begin_;
    double seconds_of_thread_ = 0.0;  ///< read after the thread's end
    std::atomic<bool> is_written_ = false;
    std::optional<CheckpointSave> save_;
    std::jthread writing_;   ///< after what it works on: ends first
    std::jthread removing_;  ///< on rank 0
};

}  // namespace isogloss

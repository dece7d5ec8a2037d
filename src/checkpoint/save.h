// checkpoint/save.h - writes the model that the ranks of a job hold into a checkpoint.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <stop_token>
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

/// When the files of a save are written.
enum class Writing : std::uint8_t {
    at_once,  ///< each as soon as its content is gathered: one file a rank is in memory at a time
    later,    ///< by write(): all that this rank will write is in memory until then
};

/// One save of `folder` (ROOT/step-00001200) in three parts, so that the second can run beside
/// training:
///
///     CheckpointSave save(folder, input, info, Writing::later, world);  // all ranks, together
///     std::jthread thread([&] { save.write(); });                       // no MPI, no model
///     ...when it is done on all ranks:
///     auto const result = save.commit();                                // all ranks, together
///
/// Content and names of all files are independent of the number of ranks, of placement and of
/// Writing: equal models give equal bytes. The checkpoint exists when commit() returns, and not
/// before.
class CheckpointSave {
public:
    /// Makes FOLDER.partial, links the files that did not change, and copies the others' content to
    /// the host: weights from one of their holders, the files spread over the ranks; state of the
    /// optimizer travels to the rank that writes the file. Collective over `world`: all ranks
    /// return or all throw. `world` outlives this; what `input` names may change from now on.
    ///
    /// A file that cannot be linked (another file system, links forbidden, the origin is gone) is
    /// written, which gives the same bytes, and a warning says so.
    ///
    /// @throws Error  (environment) disk full, folder not writable: nothing of it is left then
    CheckpointSave(
        std::filesystem::path const& folder,
        SaveInput const& input,
        CheckpointInfo const& info,
        Writing writing,
        MpiComm const& world
    );
    /// Without a commit, removes what there is. write() must have returned.
    ~CheckpointSave();
    CheckpointSave(CheckpointSave const&) = delete;
    CheckpointSave& operator=(CheckpointSave const&) = delete;

    /// Writes this rank's files, hashes them and flushes them to disk, on this thread and two more:
    /// see image_writer.h. Not collective, any thread; call once. A fault is kept for commit().
    /// Ends between two files when asked to by `stop`; there can be no commit then.
    void write(std::stop_token const& stop = {}) noexcept;
    /// Files and tensors that write() has written, hashed or flushed: grows while it works. Any
    /// thread.
    [[nodiscard]] std::int64_t parts_done() const noexcept;

    /// Replaces an older checkpoint of this name, and points ROOT/latest to this one. Collective
    /// over the world: all return the same, or all throw. Rank 0 has the warnings.
    /// @throws Error  (environment) the fault of the lowest rank that could not write
    SaveResult commit();

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

/// The three parts, one after the other. Collective over `world`.
SaveResult save_checkpoint(
    std::filesystem::path const& folder,
    SaveInput const& input,
    CheckpointInfo const& info,
    MpiComm const& world
);

/// Most bytes that a save takes on the disk, linked files left out. Not collective.
std::int64_t bytes_to_save(SaveInput const& input, CheckpointInfo const& info);

}  // namespace isogloss

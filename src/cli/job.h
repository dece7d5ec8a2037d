// cli/job.h - one start of a long command: asked to stop, watched, its ranks checked.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/duration.h"
#include "base/error.h"
#include "base/log.h"
#include "base/options.h"
#include "base/stop.h"
#include "base/stop_rules.h"
#include "comm/folder_claim.h"
#include "comm/watchdog.h"
#include "comm/world.h"

namespace isogloss {

/// Does a watchdog suit the command? Not where ranks do without marks what may take hours.
enum class Watched : std::uint8_t { yes, no };

/// Made by the command that was started; a command within a longer one is handed its job, so that
/// a request between two of them is not lost.
///
///     job.describe(options);
///     ... options.parse(arguments) ...
///     job.begin(options.resolved(), folder);
///     ... work, which asks job.stop().requested() ...
class Job {
public:
    explicit Job(World const& world, Watched watched = Watched::yes)
        : world_(world), watched_(watched), log_(world.comm().rank()) {}
    ~Job();
    Job(Job const&) = delete;
    Job& operator=(Job const&) = delete;

    /// Adds --stop-after, --time-limit and --watchdog, unless a longer command has begun the job.
    void describe(Options& options);

    /// Checks that all ranks run the same, that `folder` can be written and is no other job's, and
    /// starts clocks and watchdog; heeds FOLDER/STOP. Within a longer command: takes the folder, in
    /// place of that of the command before, and heeds the file. Collective.
    /// @param resolved  options, which must be the same on every rank
    /// @param folder    made if need be; empty: the command has none
    /// @throws Error  (usage) for other options, (environment) for the rest
    void begin(std::string const& resolved, std::filesystem::path const& folder);
    /// Heeds a STOP file on every rank, for work in which ranks do not agree all the time; `begin`
    /// has rank 0 look alone.
    void heed(std::filesystem::path const& file);

    [[nodiscard]] StopSignal const& stop() const { return stop_; }

    /// After a command that ended early: says why, and removes the STOP file that was obeyed, so
    /// that the next start goes on. Collective.
    void end(Exit exit);

private:
    void make_folder(std::filesystem::path const& folder);
    void claim(std::filesystem::path const& folder, std::optional<FolderClaim>& claim);

    World const& world_;
    Watched watched_;
    Log log_;
    StopSignal stop_;
    StopRules rules_;
    Duration limit_{600.0};
    std::filesystem::path made_;  ///< a folder that was not there before
    bool has_begun_ = false;
    std::optional<FolderClaim> claim_;        ///< on rank 0
    std::optional<FolderClaim> inner_claim_;  ///< of the command within a longer one
    std::optional<Watchdog> watchdog_;
};

}  // namespace isogloss

// comm/watchdog.h - says which rank a job hangs on, and in what, and then ends the job.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/duration.h"
#include "base/log.h"
#include "base/options.h"
#include "comm/heartbeat.h"
#include "comm/world.h"

namespace isogloss {

/// Adds --watchdog, which no record of a run has.
void describe_watchdog(Options& options, Duration& limit);

/// A new folder in the node's memory, for jobs on one node that have no other; else empty.
/// Collective.
std::filesystem::path folder_in_memory(World const& world);

/// A thread beside the one that computes. It never calls MPI, which that one may be waiting in:
/// each rank writes what it does to a file of a folder that all ranks see (comm/heartbeat.h), and
/// reads the others' once nothing has moved here for `limit`. Has nothing moved anywhere for that
/// long, the lowest rank that still writes says who is late, on standard error, in the log and in
/// FOLDER/hang.txt, and ends all ranks with exit code 4. That comes at most 20 % and 15 seconds
/// after `limit`. A rank that computes for long without a mark counts as one that does not move.
///
/// Time in which the process was stopped (`scontrol suspend`) does not count.
class Watchdog {
public:
    /// Makes the folder, and removes what an earlier job left there. Collective over the world.
    /// @param limit   0: nothing is watched or written
    /// @param folder  seen by all ranks; empty: none, and a rank that hangs tells of itself alone
    /// @throws Error  (environment) when a rank cannot write there
    Watchdog(Duration limit, std::filesystem::path const& folder, MpiComm const& world, Log& log);
    ~Watchdog();
    Watchdog(Watchdog const&) = delete;
    Watchdog& operator=(Watchdog const&) = delete;

private:
    void prepare_folder(MpiComm const& comm);
    void watch();
    [[nodiscard]] bool ended_within(double seconds);
    void note_activity(double seconds_passed);
    [[nodiscard]] bool write() const;
    [[nodiscard]] std::vector<RankState> read_all() const;
    void judge();
    [[nodiscard]] bool is_for_another(std::vector<RankState> const& ranks) const;
    void report(std::vector<RankState> const& ranks);

    double limit_;
    double beat_seconds_;
    std::filesystem::path folder_;
    int size_;
    Log& log_;
    Heartbeat own_;
    std::uint64_t moves_ = 0;
    std::vector<RankState> suspects_;  ///< all ranks, when none moved first
    std::uint64_t judged_from_ = 0;    ///< beat from which a second look tells who is silent
    std::mutex mutex_;
    std::condition_variable ending_;
    bool ended_ = false;
    std::thread thread_;
};

}  // namespace isogloss

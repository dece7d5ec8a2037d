// comm/folder_claim.h - one job at a time in a run directory, on any file system that nodes share.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "base/log.h"
#include "comm/claim_record.h"

namespace isogloss {

/// Holds a folder while it lives, by a file that a thread rewrites every `beat` seconds: locks of
/// file systems do not reach over nodes everywhere, and clocks of nodes differ.
///
/// A holder whose process is gone from this machine is followed at once; one on another machine
/// when its beat has stood still for `patience` seconds. Two that follow at the same moment both
/// write, wait for `pause`, and read who was last (Fischer's algorithm, in Lamport, "A fast mutual
/// exclusion algorithm", 1987). A holder that stood still for so long that another followed finds
/// that at its next beat, says so and ends all its ranks with exit code 4.
class FolderClaim {
public:
    struct Rhythm {
        double beat = 1.0;
        double patience = 10.0;
        double pause = 0.3;
    };

    /// For one rank of the job.
    /// @throws Error  (environment) when another job has it, with its host, process and beginning
    FolderClaim(std::filesystem::path const& folder, Log& log, Rhythm const& rhythm);
    FolderClaim(std::filesystem::path const& folder, Log& log)
        : FolderClaim(folder, log, Rhythm()) {}
    /// Gives the folder back.
    ~FolderClaim();
    FolderClaim(FolderClaim const&) = delete;
    FolderClaim& operator=(FolderClaim const&) = delete;

private:
    void take();
    [[nodiscard]] bool is_alive(std::optional<ClaimRecord> const& holder);
    [[nodiscard]] bool confirmed() const;
    void beat_on();
    [[nodiscard]] bool ended_within(double seconds);
    [[noreturn]] void give_way(ClaimRecord const& other);

    std::filesystem::path folder_;
    Log& log_;
    Rhythm rhythm_;
    ClaimRecord own_;
    std::mutex mutex_;
    std::condition_variable ending_;
    bool ended_ = false;
    std::thread thread_;
};

}  // namespace isogloss

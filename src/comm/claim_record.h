// comm/claim_record.h - who holds a folder, and whether that process still lives.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "comm/shared_line.h"

namespace isogloss {

/// One JSON object in one line of FOLDER/in-use.json.
struct ClaimRecord {
    std::string host;
    std::string machine;  ///< whose process numbers these are: its start and namespace
    std::int64_t process = 0;
    std::int64_t started = 0;  ///< of the process, as the kernel counts: a number may be used again
    std::string job;           ///< of Slurm; "": none
    double since = 0.0;        ///< seconds since 1970 by the host's clock
    std::uint64_t beat = 0;    ///< rises while the holder lives

    [[nodiscard]] bool is_same_holder(ClaimRecord const& other) const;

    /// Whether its process lives, where this process can see that.
    [[nodiscard]] std::optional<bool> is_seen_alive() const;

    /// "process 12 on node3 (Slurm job 7), since 2031-05-04 03:02:01 UTC"
    [[nodiscard]] std::string text() const;
};

std::filesystem::path claim_file(std::filesystem::path const& folder);

/// Nothing when there is none, or none that can be read.
std::optional<ClaimRecord> read_claim(std::filesystem::path const& folder);

/// As write_shared_line().
bool write_claim(std::filesystem::path const& folder, ClaimRecord const& record, IfFile if_file);

/// This process, as it would hold a folder from now on.
ClaimRecord own_claim();

}  // namespace isogloss

// comm/heartbeat.h - one small file a rank, rewritten every few seconds: what the rank is doing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "comm/activity.h"

namespace isogloss {

/// One JSON object in one line, so that `cat RUN/ranks/*` shows a person the whole job.
struct Heartbeat {
    int rank = 0;
    std::string host;
    std::int64_t process = 0;
    std::uint64_t beat = 0;  ///< number of this writing
    double time = 0.0;       ///< of this writing, seconds since 1970 by the host's clock
    double unmoved = 0.0;    ///< seconds since the work last came to another mark
    std::string phase;
    std::string call;  ///< what the rank waits in; "": nothing
    std::int64_t layer = -1;
    std::int64_t step = -1;
    std::uint64_t shared = 0;
};

/// FOLDER/rank-00003.json
std::filesystem::path heartbeat_file(std::filesystem::path const& folder, int rank);

/// Overwrites the file in place, always with as many bytes: it costs a file system no new file, and
/// a disk that became full since does not matter. False when it cannot be written.
bool write_heartbeat(std::filesystem::path const& file, Heartbeat const& heartbeat);

/// Nothing when there is none, or none that can be read.
std::optional<Heartbeat> read_heartbeat(std::filesystem::path const& file);

/// What is known of a rank of a job that hangs.
struct RankState {
    std::optional<Heartbeat> heartbeat;  ///< nothing: it never wrote one
    bool is_silent = false;              ///< it no longer writes
    double seconds = 0.0;                ///< for which nothing moved there
};

/// Who is late and who waits, late ones first, ranks in the same place together:
///
///     rank 3: silent for 61 s; last seen in forward of layer 4, step 120 (n2, process 4711)
///     ranks 0-2, 4-7: waiting for 60 s in all-reduce (number 10412), reducing gradients, step 120
///
/// Late is a rank that is silent; else one that waits for no rank; else the one whose waits for all
/// ranks are fewest.
std::string describe_hang(std::span<RankState const> ranks);

/// Of this machine.
std::string host_name();

/// "rank 3", "ranks 0-2, 4": the numbers rise.
std::string ranks_text(std::span<int const> ranks);

}  // namespace isogloss

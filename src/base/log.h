// base/log.h - lines for the person who runs the program, with time and rank.
#pragma once

#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>

namespace isogloss {

/// Writes "2026-11-22T05:00:17Z [rank 3] text" to standard error, and to a file once one is named.
/// A log says what a person wants to read: one line an event, no debugging.
///
/// `info` of ranks other than 0 is not written, because it would repeat that of rank 0;
/// `info_of_rank` is for what concerns this rank alone. Safe to call from several threads.
class Log {
public:
    explicit Log(int rank = 0) : rank_(rank) {}

    /// Also appends to `path` (a run's log.txt) from now on; rank 0 only, nothing on other ranks.
    /// @throws Error  (environment) when it cannot be opened for appending
    void also_to(std::filesystem::path const& path);

    void info(std::string_view text);
    void info_of_rank(std::string_view text);
    /// Rank 0, and only to the file: what a progress bar shows on the terminal already.
    void to_file(std::string_view text);
    /// Marked "warning:", from every rank.
    void warning(std::string_view text);

private:
    [[nodiscard]] std::string line(std::string_view text) const;
    void write(std::string_view text);

    int rank_;
    std::mutex mutex_;
    std::ofstream file_;
};

}  // namespace isogloss

// base/stop.h - the request to stop that long work polls: signals, STOP files, clocks.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace isogloss {

struct StopRules;

/// While one lives, SIGTERM, SIGUSR1, SIGUSR2 and the first SIGINT set a flag instead of ending the
/// program; a second SIGINT ends it. The handlers from before return with its end.
///
/// Long work asks `requested()` after every micro-batch or file, finishes cleanly and returns
/// Exit::stopped. Ranks get signals at different moments and have clocks of their own, so
/// collective work must agree on the answer (an all-reduce of the flag) before acting on it.
///
/// One at a time: a second one while the first lives is refused.
class StopSignal {
public:
    /// @throws Error  when another StopSignal lives, or a handler cannot be set
    StopSignal();
    ~StopSignal();
    StopSignal(StopSignal const&) = delete;
    StopSignal& operator=(StopSignal const&) = delete;

    /// Also heeds clocks, counted from this object's beginning. The first call counts: a command
    /// within a longer one leaves its rules alone.
    void heed(StopRules const& rules);
    /// Also heeds a file, looked for at most once a second. For one rank of a job.
    void watch(std::filesystem::path const& file);

    [[nodiscard]] bool requested() const noexcept { return requested(0.0); }
    /// The same for work that needs some seconds to end well: a time limit is heeded that much
    /// earlier.
    [[nodiscard]] bool requested(double seconds_to_end) const noexcept;
    /// Until a clock asks to stop, at most; below 0 where none will.
    [[nodiscard]] double seconds_left() const noexcept;
    /// Why: "SIGUSR1", "--stop-after", "the job's time limit", "a STOP file"; "" when nothing was
    /// requested.
    [[nodiscard]] char const* name() const noexcept;
    /// The same as a signal, by the program itself.
    void request() noexcept;

    /// Removes the files that were watched, so that the next start goes on. Returns the removed.
    std::vector<std::filesystem::path> remove_files() const;

private:
    using Clock = std::chrono::steady_clock;

    [[nodiscard]] bool is_time_up(double seconds_to_end) const noexcept;
    [[nodiscard]] bool sees_file() const noexcept;

    Clock::time_point begin_ = Clock::now();
    bool has_rules_ = false;
    double stop_after_ = 0.0;  ///< seconds after begin_; 0: never
    double job_end_ = 0.0;     ///< the same, of the job, with a margin taken off
    std::vector<std::filesystem::path> files_;
    mutable std::atomic<double> next_look_ = 0.0;  ///< seconds after begin_
};

/// The time that is kept free before a time limit that is `left` seconds away, beside what ending
/// takes: 5 %, at least 5 seconds, at most 2 minutes.
double time_limit_margin(double left);

}  // namespace isogloss

// base/stop.h - the request to stop that long work polls.
#pragma once

namespace isogloss {

/// While one lives, SIGTERM, SIGUSR1, SIGUSR2 and the first SIGINT set a flag instead of ending the
/// program; a second SIGINT ends it. The handlers from before return with its end.
///
/// Long work asks `requested()` after every micro-batch or file, finishes cleanly and returns
/// Exit::stopped. Ranks get signals at different moments, so collective work must agree on the
/// answer (an all-reduce of the flag) before acting on it.
///
/// One at a time: a second one while the first lives is refused.
class StopSignal {
public:
    /// @throws Error  when another StopSignal lives, or a handler cannot be set
    StopSignal();
    ~StopSignal();
    StopSignal(StopSignal const&) = delete;
    StopSignal& operator=(StopSignal const&) = delete;

    [[nodiscard]] bool requested() const noexcept;
    /// "SIGUSR1", or "" when nothing was requested.
    [[nodiscard]] char const* name() const noexcept;
    /// The same as a signal, for a time limit that the program watches itself.
    void request() noexcept;
};

}  // namespace isogloss

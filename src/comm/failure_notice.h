// comm/failure_notice.h - tells the failing ranks of a job whether all fail, and alike.
#pragma once

#include <mpi.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace isogloss {

/// Made by each rank that fails, from the text of its error. Enters no blocking collective, so a
/// rank that fails alone is not held up by those that do not fail.
///
///     FailureNotice notice(text);
///     if (notice.is_shared_within(1.0) && notice.all_alike()) { ... }
///
/// Uses MPI_COMM_WORLD, which nothing else uses once World is made. While a notice is not shared
/// it must live until the process ends, because MPI may write to it.
class FailureNotice {
public:
    /// MPI must be running.
    explicit FailureNotice(std::string_view text) noexcept;
    FailureNotice(FailureNotice const&) = delete;
    FailureNotice& operator=(FailureNotice const&) = delete;

    /// Waits until every rank has made a notice, at most `seconds`.
    [[nodiscard]] bool is_shared_within(double seconds) noexcept;
    /// Of a shared notice: every rank has the same text.
    [[nodiscard]] bool all_alike() const noexcept;

private:
    std::uint64_t own_;
    std::vector<std::uint64_t> all_;
    MPI_Request request_ = MPI_REQUEST_NULL;
};

}  // namespace isogloss

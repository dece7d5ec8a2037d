// comm/failure_notice.cpp
#include "comm/failure_notice.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/clock.h"
#include "base/random.h"

namespace isogloss {

// Nothing here throws: a failure while failing must not hide the first. MPI calls that fail leave
// the notice unshared, and the rank ends the job alone.
FailureNotice::FailureNotice(std::string_view text) noexcept : own_(random_stream(text)) {
    int size = 0;
    if (MPI_Comm_size(MPI_COMM_WORLD, &size) != MPI_SUCCESS) {
        return;
    }
    all_.resize(static_cast<std::size_t>(size));
    if (MPI_Iallgather(
            &own_, 1, MPI_UINT64_T, all_.data(), 1, MPI_UINT64_T, MPI_COMM_WORLD, &request_
        ) != MPI_SUCCESS) {
        request_ = MPI_REQUEST_NULL;
        all_.clear();
    }
}

bool FailureNotice::is_shared_within(double seconds) noexcept {
    Timer const timer;
    while (!all_.empty()) {
        int done = 0;
        if (MPI_Test(&request_, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) {
            return false;
        }
        if (done != 0) {
            return true;
        }
        if (timer.seconds() > seconds) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
}

bool FailureNotice::all_alike() const noexcept {
    return std::ranges::all_of(all_, [&](std::uint64_t theirs) { return theirs == own_; });
}

}  // namespace isogloss

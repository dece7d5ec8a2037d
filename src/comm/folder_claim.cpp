// comm/folder_claim.cpp
#include "comm/folder_claim.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "base/clock.h"
#include "base/require.h"
#include "base/text.h"
#include "comm/mpi_abort.h"

namespace isogloss {
namespace {

namespace fs = std::filesystem;

constexpr double kLook = 0.1;  // seconds between two looks at another's beat

void pause_for(double seconds) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

}  // namespace

FolderClaim::FolderClaim(fs::path const& folder, Log& log, Rhythm const& rhythm)
    : folder_(folder), log_(log), rhythm_(rhythm), own_(own_claim()) {
    take();
    thread_ = std::thread([this] { beat_on(); });
}

FolderClaim::~FolderClaim() {
    {
        std::scoped_lock const lock(mutex_);
        ended_ = true;
    }
    ending_.notify_all();
    thread_.join();
    if (auto const holder = read_claim(folder_); holder && holder->is_same_holder(own_)) {
        std::error_code ignored;  // what is left tells of a process that is gone
        fs::remove(claim_file(folder_), ignored);
    }
}

void FolderClaim::take() {
    while (!write_claim(folder_, own_, IfFile::is_new)) {
        require_environment(
            errno == EEXIST, "{}: cannot be written: {}", claim_file(folder_).string(),
            std::strerror(errno)
        );
        auto const holder = read_claim(folder_);
        require_environment(
            !is_alive(holder),
            "{}: another job works in this folder: {}; wait for its end, stop it (a file STOP in "
            "the folder does), or name another folder",
            folder_.string(), holder ? holder->text() : "one that just began"
        );
        if (write_claim(folder_, own_, IfFile::exists) && confirmed()) {
            if (holder) {
                log_.info(fmt::format(
                    "{} was left by a job that is gone: {}", folder_.string(), holder->text()
                ));
            }
            return;
        }
    }
}

// Does who wrote this still live?
bool FolderClaim::is_alive(std::optional<ClaimRecord> const& holder) {
    if (auto const seen = holder ? holder->is_seen_alive() : std::nullopt) {
        return *seen;
    }
    if (holder) {
        log_.info(fmt::format(
            "{} is marked as in use by {}; looks for {} whether it lives", folder_.string(),
            holder->text(), duration_text(rhythm_.patience)
        ));
    }
    for (Timer const timer; timer.seconds() < rhythm_.patience;) {
        pause_for(kLook);
        auto const now = read_claim(folder_);
        if (!now) {
            if (!fs::exists(claim_file(folder_))) {
                return false;  // given back
            }
            continue;
        }
        if (!holder || !now->is_same_holder(*holder) || now->beat != holder->beat) {
            return true;
        }
    }
    return false;
}

bool FolderClaim::confirmed() const {
    pause_for(rhythm_.pause);
    auto const holder = read_claim(folder_);
    return holder && holder->is_same_holder(own_);
}

void FolderClaim::beat_on() {
    sigset_t all;
    sigfillset(&all);  // signals are for the thread that computes
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    while (!ended_within(rhythm_.beat)) {
        auto const holder = read_claim(folder_);
        if (holder && !holder->is_same_holder(own_)) {
            give_way(*holder);
        }
        ++own_.beat;
        // A disk that fails now does not end the run here.
        bool const is_there = write_claim(folder_, own_, IfFile::exists);
        if (!is_there && errno == ENOENT) {
            static_cast<void>(write_claim(folder_, own_, IfFile::is_new));
        }
    }
}

bool FolderClaim::ended_within(double seconds) {
    std::unique_lock lock(mutex_);
    return ending_.wait_for(lock, std::chrono::duration<double>(seconds), [this] {
        return ended_;
    });
}

void FolderClaim::give_way(ClaimRecord const& other) {
    log_.warning(fmt::format(
        "{}: while this job stood still, another took the folder over: {}; this one ends with exit "
        "code {}",
        folder_.string(), other.text(), static_cast<int>(Exit::environment)
    ));
    abort_all_ranks(Exit::environment);
    std::_Exit(static_cast<int>(Exit::environment));
}

}  // namespace isogloss

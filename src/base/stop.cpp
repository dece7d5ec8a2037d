// base/stop.cpp
#include "base/stop.h"

#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigaction is POSIX

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "base/require.h"
#include "base/stop_rules.h"

namespace isogloss {
namespace {

constexpr std::array kSignals{SIGTERM, SIGUSR1, SIGUSR2, SIGINT};

// A signal handler reaches nothing but variables of the process; these two are the only ones here.
// Lock-free atomics are what a handler may touch.
std::atomic<int> received{0};
std::atomic<bool> installed{false};
static_assert(std::atomic<int>::is_always_lock_free);

// What `received` holds where it was no signal.
constexpr int kRequest = -1;
constexpr int kStopAfter = -2;
constexpr int kTimeLimit = -3;
constexpr int kFile = -4;

constexpr double kLookEvery = 1.0;  // second between looks for files

// What was there before a StopSignal; touched only by its constructor and destructor.
std::array<struct sigaction, kSignals.size()> before_us;

void remember(int signal) {
    received.store(signal, std::memory_order_relaxed);
}

// The first reason stays.
void remember_first(int reason) noexcept {
    int none = 0;
    received.compare_exchange_strong(none, reason);
}

// Seconds until the end of the Slurm job, below 0 where none is announced.
double seconds_of_job() {
    char const* const text = std::getenv("SLURM_JOB_END_TIME");
    std::int64_t end = 0;
    if (text == nullptr ||
        std::from_chars(text, text + std::string_view(text).size(), end).ec != std::errc{}) {
        return -1.0;
    }
    auto const now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<double>(end) - std::chrono::duration<double>(now).count();
}

}  // namespace

StopSignal::StopSignal() {
    require(!installed.exchange(true), "a second StopSignal was made while the first lives");
    received.store(0);
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
        struct sigaction action {};
        action.sa_handler = remember;
        sigemptyset(&action.sa_mask);
        // Reads and waits go on; a second interrupt from the keyboard ends the program.
        action.sa_flags =
            kSignals[i] == SIGINT ? static_cast<int>(SA_RESTART | SA_RESETHAND) : SA_RESTART;
        require_environment(
            ::sigaction(kSignals[i], &action, &before_us[i]) == 0,
            "no handler can be set for signal {}", kSignals[i]
        );
    }
}

StopSignal::~StopSignal() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
        ::sigaction(kSignals[i], &before_us[i], nullptr);
    }
    installed.store(false);
}

void StopSignal::heed(StopRules const& rules) {
    if (has_rules_) {
        return;
    }
    has_rules_ = true;
    stop_after_ = rules.stop_after.seconds;
    auto const left = rules.time_limit == TimeLimit::heed ? seconds_of_job() : -1.0;
    if (left > 0.0) {
        auto const passed = std::chrono::duration<double>(Clock::now() - begin_).count();
        job_end_ = std::max(1e-9, passed + left - time_limit_margin(left));
    }
}

void StopSignal::watch(std::filesystem::path const& file) {
    if (std::ranges::count(files_, file) == 0) {
        files_.push_back(file);
        next_look_.store(0.0, std::memory_order_relaxed);
    }
}

bool StopSignal::requested(double seconds_to_end) const noexcept {
    return received.load(std::memory_order_relaxed) != 0 || is_time_up(seconds_to_end) ||
           sees_file();
}

bool StopSignal::is_time_up(double seconds_to_end) const noexcept {
    if (stop_after_ <= 0.0 && job_end_ <= 0.0) {
        return false;
    }
    auto const now = std::chrono::duration<double>(Clock::now() - begin_).count();
    bool const is_late = stop_after_ > 0.0 && now >= stop_after_;
    bool const is_limit = job_end_ > 0.0 && now + seconds_to_end >= job_end_;
    if (is_late || is_limit) {
        remember_first(is_late ? kStopAfter : kTimeLimit);
    }
    return is_late || is_limit;
}

double StopSignal::seconds_left() const noexcept {
    auto const now = std::chrono::duration<double>(Clock::now() - begin_).count();
    double end = stop_after_;
    if (job_end_ > 0.0 && (end <= 0.0 || job_end_ < end)) {
        end = job_end_;
    }
    return end > 0.0 ? std::max(0.0, end - now) : -1.0;
}

bool StopSignal::sees_file() const noexcept {
    if (files_.empty()) {
        return false;
    }
    auto const now = std::chrono::duration<double>(Clock::now() - begin_).count();
    if (now < next_look_.load(std::memory_order_relaxed)) {
        return false;
    }
    next_look_.store(now + kLookEvery, std::memory_order_relaxed);
    bool const found = std::ranges::any_of(files_, [](std::filesystem::path const& file) {
        std::error_code ignored;  // a disk that does not answer asks for nothing
        return std::filesystem::exists(file, ignored);
    });
    if (found) {
        remember_first(kFile);
    }
    return found;
}

char const* StopSignal::name() const noexcept {
    switch (received.load(std::memory_order_relaxed)) {
        case 0: return "";
        case SIGTERM: return "SIGTERM";
        case SIGUSR1: return "SIGUSR1";
        case SIGUSR2: return "SIGUSR2";
        case SIGINT: return "SIGINT";
        case kStopAfter: return "--stop-after";
        case kTimeLimit: return "the job's time limit";
        case kFile: return "a STOP file";
        default: return "request";
    }
}

void StopSignal::request() noexcept {
    remember_first(kRequest);
}

std::vector<std::filesystem::path> StopSignal::remove_files() const {
    std::vector<std::filesystem::path> removed;
    for (auto const& file : files_) {
        std::error_code ignored;  // what cannot be removed stops the next start, too, and says so
        if (std::filesystem::remove(file, ignored)) {
            removed.push_back(file);
        }
    }
    return removed;
}

double time_limit_margin(double left) {
    return std::clamp(0.05 * left, 5.0, 120.0);
}

}  // namespace isogloss

// base/stop.cpp
#include "base/stop.h"

#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigaction is POSIX

#include <array>
#include <atomic>

#include "base/require.h"

namespace isogloss {
namespace {

constexpr std::array kSignals{SIGTERM, SIGUSR1, SIGUSR2, SIGINT};

// A signal handler reaches nothing but variables of the process; these two are the only ones here.
// Lock-free atomics are what a handler may touch.
std::atomic<int> received{0};
std::atomic<bool> installed{false};
static_assert(std::atomic<int>::is_always_lock_free);

// What was there before a StopSignal; touched only by its constructor and destructor.
std::array<struct sigaction, kSignals.size()> before;

void remember(int signal) {
    received.store(signal, std::memory_order_relaxed);
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
            ::sigaction(kSignals[i], &action, &before[i]) == 0,
            "no handler can be set for signal {}", kSignals[i]
        );
    }
}

StopSignal::~StopSignal() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
        ::sigaction(kSignals[i], &before[i], nullptr);
    }
    installed.store(false);
}

bool StopSignal::requested() const noexcept {
    return received.load(std::memory_order_relaxed) != 0;
}

char const* StopSignal::name() const noexcept {
    switch (received.load(std::memory_order_relaxed)) {
        case 0: return "";
        case SIGTERM: return "SIGTERM";
        case SIGUSR1: return "SIGUSR1";
        case SIGUSR2: return "SIGUSR2";
        case SIGINT: return "SIGINT";
        default: return "request";
    }
}

void StopSignal::request() noexcept {
    int none = 0;
    received.compare_exchange_strong(none, -1);
}

}  // namespace isogloss

// comm/watchdog.cpp
#include "comm/watchdog.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <system_error>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "comm/collective.h"
#include "comm/mpi_abort.h"

namespace isogloss {
namespace {

namespace fs = std::filesystem;

constexpr double kBeatsALimit = 40.0;
constexpr std::uint64_t kSilentBeats = 4;  // one may be late, four in a row are not
// How long the others wait for the rank that speaks: beats, and seconds.
constexpr double kPatientBeats = 10.0;
constexpr double kPatience = 5.0;
constexpr auto kTimeToAbort = std::chrono::seconds(5);

double seconds_since_1970() {
    auto const now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration<double>(now).count();
}

// Whatever the thread that computes is doing: MPI's way first, which tells the launcher why.
[[noreturn]] void end_job() {
    std::thread([] {
        std::this_thread::sleep_for(kTimeToAbort);
        std::_Exit(static_cast<int>(Exit::environment));
    }).detach();
    abort_all_ranks(Exit::environment);
    std::_Exit(static_cast<int>(Exit::environment));
}

}  // namespace

void describe_watchdog(Options& options, Duration& limit) {
    options.add(
        "watchdog", limit,
        "end the job, and say which rank is late, when nothing moved on any for that long; 0: never"
    );
    options.leave_out_of_record("watchdog");
}

fs::path folder_in_memory(World const& world) {
    if (world.ranks_per_node() < world.comm().size()) {
        return {};
    }
    auto name = fmt::format("isogloss-{}", ::getpid());
    broadcast(name, 0, world.comm());
    return fs::path("/dev/shm") / name;
}

Watchdog::Watchdog(Duration limit, fs::path const& folder, MpiComm const& world, Log& log)
    : limit_(limit.seconds),
      beat_seconds_(std::clamp(limit.seconds / kBeatsALimit, 0.05, 10.0)),
      folder_(folder),
      size_(world.size()),
      log_(log) {
    if (limit_ <= 0.0) {
        return;
    }
    own_.rank = world.rank();
    own_.host = host_name();
    own_.process = ::getpid();
    moves_ = current_activity().moves;
    prepare_folder(world);
    thread_ = std::thread([this] { watch(); });
}

Watchdog::~Watchdog() {
    if (!thread_.joinable()) {
        return;
    }
    {
        std::scoped_lock const lock(mutex_);
        ended_ = true;
    }
    ending_.notify_all();
    thread_.join();
    if (!folder_.empty()) {
        std::error_code ignored;  // what is left tells of a job that is over
        fs::remove(heartbeat_file(folder_, own_.rank), ignored);
        fs::remove(folder_, ignored);  // the last rank's succeeds
    }
}

// Collective over the world.
void Watchdog::prepare_folder(MpiComm const& comm) {
    if (folder_.empty()) {
        return;
    }
    std::string problem;
    if (comm.rank() == 0) {
        std::error_code error;
        fs::remove_all(folder_, error);
        fs::create_directories(folder_, error);
        problem = error ? fmt::format("{}: {}", folder_.string(), error.message()) : "";
    }
    fail_together(Exit::environment, problem, comm);
    if (!write()) {
        problem = fmt::format(
            "rank {} on {} cannot write {}; all ranks must see the folder and may write there",
            comm.rank(), own_.host, heartbeat_file(folder_, comm.rank()).string()
        );
    }
    fail_together(Exit::environment, problem, comm);
}

void Watchdog::watch() {
    sigset_t all;
    sigfillset(&all);  // signals are for the thread that computes: its calls are to be interrupted
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    Timer timer;
    while (!ended_within(beat_seconds_)) {
        note_activity(timer.seconds());
        timer.restart();
        if (!folder_.empty()) {
            static_cast<void>(write());  // a disk that is full now does not end the run here
        }
        if (own_.unmoved >= limit_) {
            judge();
        } else {
            suspects_.clear();
        }
    }
}

bool Watchdog::ended_within(double seconds) {
    std::unique_lock lock(mutex_);
    return ending_.wait_for(lock, std::chrono::duration<double>(seconds), [this] {
        return ended_;
    });
}

void Watchdog::note_activity(double seconds_passed) {
    auto const now = current_activity();
    own_.phase = now.phase;
    own_.layer = now.layer;
    own_.step = now.step;
    own_.call = now.call;
    own_.shared = now.shared;
    // A process that was stopped did not hang: what is more than two beats was not its time.
    own_.unmoved =
        now.moves == moves_ ? own_.unmoved + std::min(seconds_passed, 2 * beat_seconds_) : 0.0;
    moves_ = now.moves;
    own_.time = seconds_since_1970();
    ++own_.beat;
}

bool Watchdog::write() const {
    return write_heartbeat(heartbeat_file(folder_, own_.rank), own_);
}

std::vector<RankState> Watchdog::read_all() const {
    auto const now = seconds_since_1970();
    std::vector<RankState> ranks(static_cast<std::size_t>(size_));
    for (int rank = 0; rank < size_; ++rank) {
        auto& state = ranks[static_cast<std::size_t>(rank)];
        state.heartbeat = rank == own_.rank || folder_.empty()
                              ? std::nullopt
                              : read_heartbeat(heartbeat_file(folder_, rank));
        if (rank == own_.rank) {
            state.heartbeat = own_;
        }
        // Nodes' clocks differ by less than any limit that makes sense.
        state.seconds = state.heartbeat
                            ? state.heartbeat->unmoved + std::max(0.0, now - state.heartbeat->time)
                            : own_.unmoved;
    }
    return ranks;
}

// Ends the job if nothing has moved anywhere. Two looks some beats apart tell who is silent: clocks
// of nodes may differ by more than a few beats.
void Watchdog::judge() {
    auto ranks = read_all();
    bool const moves =
        std::ranges::any_of(ranks, [&](RankState const& one) { return one.seconds < limit_; });
    if (moves || suspects_.empty()) {
        suspects_ = moves ? std::vector<RankState>{} : std::move(ranks);
        judged_from_ = own_.beat + kSilentBeats;
        return;
    }
    if (own_.beat < judged_from_) {
        return;
    }
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
        auto const& before = suspects_[rank].heartbeat;
        auto const& now = ranks[rank].heartbeat;
        ranks[rank].is_silent = !before || !now || before->beat == now->beat;
    }
    if (!is_for_another(ranks)) {
        report(ranks);
        end_job();
    }
    if (own_.unmoved >= limit_ + kPatientBeats * beat_seconds_ + kPatience) {
        end_job();  // that one cannot, or has and this process is still there
    }
}

// Is there a lower rank that still writes?
bool Watchdog::is_for_another(std::vector<RankState> const& ranks) const {
    auto const lower = std::span(ranks).first(static_cast<std::size_t>(own_.rank));
    return !std::ranges::all_of(lower, &RankState::is_silent);
}

void Watchdog::report(std::vector<RankState> const& ranks) {
    auto const known = folder_.empty()
                           ? std::span(ranks).subspan(static_cast<std::size_t>(own_.rank), 1)
                           : std::span(ranks);
    auto const text = fmt::format(
        "the job hangs: nothing moved on any rank for {}\n{}\nending all ranks with exit code {}",
        duration_text(limit_), describe_hang(known), static_cast<int>(Exit::environment)
    );
    log_.warning(text);
    if (folder_.empty()) {
        return;
    }
    try {
        write_file(folder_ / "hang.txt", text + "\n");
    } catch (...) {  // it has been said, and the job is to end whatever the disk does
        return;
    }
}

}  // namespace isogloss

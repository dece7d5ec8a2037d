// comm/folder_claim.cpp
#include "comm/folder_claim.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>
#include <system_error>

#include "base/clock.h"
#include "base/json.h"
#include "base/require.h"
#include "base/text.h"
#include "comm/heartbeat.h"
#include "comm/mpi_abort.h"

namespace isogloss {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kClaimBytes = 512;
constexpr double kLook = 0.1;  // seconds between two looks at another's beat

fs::path claim_file(fs::path const& folder) {
    return folder / "in-use.json";
}

void pause_for(double seconds) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

std::string first_line(fs::path const& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// When a process of this machine began, in the kernel's ticks; -1: it is gone, or ended and waits
// for its parent.
std::int64_t start_of(std::int64_t process) {
    auto const line = first_line(fs::path("/proc") / std::to_string(process) / "stat");
    auto const name_end = line.rfind(')');  // a name may have anything in it
    if (name_end == std::string::npos) {
        return -1;
    }
    constexpr int kStart = 22;  // proc(5), counted from 1; the state is number 3
    std::istringstream fields(line.substr(name_end + 1));
    std::string field;
    for (int i = 3; i <= kStart && fields >> field; ++i) {
        if (i == 3 && (field == "Z" || field == "X")) {
            return -1;
        }
    }
    return fields ? std::stoll(field) : -1;
}

std::string this_machine() {
    std::error_code ignored;
    return first_line("/proc/sys/kernel/random/boot_id") + " " +
           fs::read_symlink("/proc/self/ns/pid", ignored).string();
}

std::string text_of(ClaimRecord const& record) {
    Json const value{{"host", record.host},       {"machine", record.machine},
                     {"process", record.process}, {"started", record.started},
                     {"job", record.job},         {"since", record.since},
                     {"beat", record.beat}};
    auto text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    text.resize(kClaimBytes - 1, ' ');
    return text + '\n';
}

// Writes all of the file, in place. False when it cannot be opened so, or written; errno says why.
bool write_claim(fs::path const& folder, ClaimRecord const& record, int how_to_open) {
    auto const text = text_of(record);
    int const file = ::open(claim_file(folder).c_str(), O_WRONLY | O_CLOEXEC | how_to_open, 0644);
    if (file < 0) {
        return false;
    }
    auto const written = ::pwrite(file, text.data(), text.size(), 0);
    bool const is_closed = ::close(file) == 0;  // a network disk then tells other nodes
    return written == static_cast<ssize_t>(text.size()) && is_closed;
}

std::string described(ClaimRecord const& holder) {
    auto const since = static_cast<std::time_t>(holder.since);
    return fmt::format(
        "process {} on {}{}, since {:%Y-%m-%d %H:%M:%S} UTC", holder.process, holder.host,
        holder.job.empty() ? "" : " (Slurm job " + holder.job + ")", fmt::gmtime(since)
    );
}

}  // namespace

bool ClaimRecord::is_same_holder(ClaimRecord const& other) const {
    return machine == other.machine && host == other.host && process == other.process &&
           started == other.started;
}

std::optional<ClaimRecord> read_claim(fs::path const& folder) {
    auto const value = Json::parse(first_line(claim_file(folder)), nullptr, false);
    try {
        return ClaimRecord{
            .host = value.at("host").get<std::string>(),
            .machine = value.at("machine").get<std::string>(),
            .process = value.at("process").get<std::int64_t>(),
            .started = value.at("started").get<std::int64_t>(),
            .job = value.at("job").get<std::string>(),
            .since = value.at("since").get<double>(),
            .beat = value.at("beat").get<std::uint64_t>()};
    } catch (Json::exception const&) {
        return std::nullopt;  // not there, half written, or another program's
    }
}

ClaimRecord own_claim() {
    auto const now = std::chrono::system_clock::now().time_since_epoch();
    auto const* job = std::getenv("SLURM_JOB_ID");
    return {
        .host = host_name(),
        .machine = this_machine(),
        .process = ::getpid(),
        .started = start_of(::getpid()),
        .job = job == nullptr ? "" : job,
        .since = std::chrono::duration<double>(now).count()};
}

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
    while (!write_claim(folder_, own_, O_CREAT | O_EXCL)) {
        require_environment(
            errno == EEXIST, "{}: cannot be written: {}", claim_file(folder_).string(),
            std::strerror(errno)
        );
        auto const holder = read_claim(folder_);
        require_environment(
            !is_alive(holder),
            "{}: another job works in this folder: {}; wait for its end, stop it (a file STOP in "
            "the folder does), or name another folder",
            folder_.string(), holder ? described(*holder) : "one that just began"
        );
        if (write_claim(folder_, own_, 0) && confirmed()) {
            if (holder) {
                log_.info(fmt::format(
                    "{} was left by a job that is gone: {}", folder_.string(), described(*holder)
                ));
            }
            return;
        }
    }
}

// Does who wrote this still live?
bool FolderClaim::is_alive(std::optional<ClaimRecord> const& holder) {
    if (holder && holder->machine == own_.machine && holder->host == own_.host) {
        return start_of(holder->process) == holder->started;
    }
    if (holder) {
        log_.info(fmt::format(
            "{} is marked as in use by {}; looks for {} whether it lives", folder_.string(),
            described(*holder), duration_text(rhythm_.patience)
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
        bool const is_there = write_claim(folder_, own_, 0);
        if (!is_there && errno == ENOENT) {
            static_cast<void>(write_claim(folder_, own_, O_CREAT | O_EXCL));
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
        folder_.string(), described(other), static_cast<int>(Exit::environment)
    ));
    abort_all_ranks(Exit::environment);
    std::_Exit(static_cast<int>(Exit::environment));
}

}  // namespace isogloss

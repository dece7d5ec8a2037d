// comm/claim_record.cpp
#include "comm/claim_record.h"

#include <fmt/chrono.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>
#include <system_error>

#include "comm/heartbeat.h"

namespace isogloss {
namespace {

namespace fs = std::filesystem;

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

}  // namespace

bool ClaimRecord::is_same_holder(ClaimRecord const& other) const {
    return machine == other.machine && host == other.host && process == other.process &&
           started == other.started;
}

std::optional<bool> ClaimRecord::is_seen_alive() const {
    if (machine != this_machine() || host != host_name()) {
        return std::nullopt;
    }
    return start_of(process) == started;
}

std::string ClaimRecord::text() const {
    return fmt::format(
        "process {} on {}{}, since {:%Y-%m-%d %H:%M:%S} UTC", process, host,
        job.empty() ? "" : " (Slurm job " + job + ")", fmt::gmtime(static_cast<std::time_t>(since))
    );
}

fs::path claim_file(fs::path const& folder) {
    return folder / "in-use.json";
}

std::optional<ClaimRecord> read_claim(fs::path const& folder) {
    auto const value = read_shared_line(claim_file(folder));
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

bool write_claim(fs::path const& folder, ClaimRecord const& record, IfFile if_file) {
    return write_shared_line(
        claim_file(folder),
        {{"host", record.host},
         {"machine", record.machine},
         {"process", record.process},
         {"started", record.started},
         {"job", record.job},
         {"since", record.since},
         {"beat", record.beat}},
        if_file
    );
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

}  // namespace isogloss

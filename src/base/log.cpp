// base/log.cpp
#include "base/log.h"

#include <fmt/chrono.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "base/require.h"

namespace isogloss {

void Log::also_to(std::filesystem::path const& path) {
    if (rank_ != 0) {
        return;
    }
    std::lock_guard const lock(mutex_);
    file_ = std::ofstream(path, std::ios::app);
    require_environment(
        file_.is_open(),
        "{}: cannot be opened for appending: {}; check that the folder is writable", path.string(),
        std::strerror(errno)
    );
}

void Log::info(std::string_view text) {
    if (rank_ == 0) {
        write(text);
    }
}

void Log::info_of_rank(std::string_view text) {
    write(text);
}

void Log::warning(std::string_view text) {
    write(fmt::format("warning: {}", text));
}

void Log::to_file(std::string_view text) {
    std::lock_guard const lock(mutex_);
    if (file_.is_open()) {
        file_ << line(text) << std::flush;
    }
}

std::string Log::line(std::string_view text) const {
    auto const now =
        std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z [rank {}] {}\n", now, rank_, text);
}

void Log::write(std::string_view text) {
    auto const whole = line(text);
    std::lock_guard const lock(mutex_);
    std::fwrite(whole.data(), 1, whole.size(), stderr);  // one call, so lines of ranks stay whole
    if (file_.is_open()) {
        file_ << whole << std::flush;
    }
}

}  // namespace isogloss

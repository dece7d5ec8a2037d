// support/page_cache.h - which pages of a file the kernel holds in memory.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <thread>
#include <vector>

namespace isogloss::test {

/// Writes the file out and asks the kernel to forget its pages; it keeps those that a program has
/// touched through a mapping.
inline void forget_pages(std::filesystem::path const& path) {
    int const file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    ::fsync(file);
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
}

/// [pages of the file] whether each is in memory.
inline std::vector<bool> pages_in_memory(std::filesystem::path const& path) {
    auto const page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    auto const bytes = std::filesystem::file_size(path);
    int const file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    void* const mapped = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
    ::close(file);
    std::vector<unsigned char> states((bytes + page - 1) / page);
    bool const is_known = ::mincore(mapped, bytes, states.data()) == 0;
    ::munmap(mapped, bytes);
    std::vector<bool> found;
    for (auto const state : states) {
        found.push_back(!is_known || (state & 1U) != 0);
    }
    return found;
}

/// The same once the number of them is `wanted`, for at most 10 s: what the kernel was asked to
/// read comes when it comes.
inline std::vector<bool> pages_when(std::filesystem::path const& path, std::ptrdiff_t wanted) {
    auto found = pages_in_memory(path);
    for (int waits = 0; waits < 1000 && std::ranges::count(found, true) < wanted; ++waits) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        found = pages_in_memory(path);
    }
    return found;
}

}  // namespace isogloss::test

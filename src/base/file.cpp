// base/file.cpp
#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/descriptor.h"
#include "base/require.h"

namespace isogloss {
namespace {

[[noreturn]] void fail_here(std::filesystem::path const& path, char const* what) {
    fail(
        Exit::environment, "{}: {}: {}; check that the folder is writable and the disk not full",
        path.string(), what, std::strerror(errno)
    );
}

// A name that is removed on leaving the scope, but for a call of keep().
class RemovedUnlessKept {
public:
    explicit RemovedUnlessKept(std::filesystem::path const& path) : path_(path) {}
    ~RemovedUnlessKept() {
        if (!is_kept_) {
            ::unlink(path_.c_str());
        }
    }
    RemovedUnlessKept(RemovedUnlessKept const&) = delete;
    RemovedUnlessKept& operator=(RemovedUnlessKept const&) = delete;

    void keep() { is_kept_ = true; }

private:
    std::filesystem::path const& path_;
    bool is_kept_ = false;
};

void write_all(int descriptor, std::filesystem::path const& path, std::string_view content) {
    while (!content.empty()) {
        auto const written = ::write(descriptor, content.data(), content.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            fail_here(path, "writing failed");
        }
        content.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace

void write_file(std::filesystem::path const& path, std::string_view content) {
    auto const partial = with_ending(path, ".partial");
    Descriptor file(::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (file.get() < 0) {
        fail_here(partial, "cannot be opened for writing");
    }
    RemovedUnlessKept unfinished(partial);
    write_all(file.get(), partial, content);
    if (::fsync(file.get()) != 0) {
        fail_here(partial, "flushing to disk failed");
    }
    file = Descriptor();
    if (::rename(partial.c_str(), path.c_str()) != 0) {
        fail_here(path, "cannot be renamed into place");
    }
    unfinished.keep();
}

void write_at(
    std::filesystem::path const& path, std::int64_t first, std::span<std::byte const> bytes
) {
    Descriptor const file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (file.get() < 0) {
        fail_here(path, "cannot be opened for writing");
    }
    while (!bytes.empty()) {
        auto const written = ::pwrite(file.get(), bytes.data(), bytes.size(), first);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            fail_here(path, "writing failed");
        }
        first += written;
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

void read_at(std::filesystem::path const& path, std::int64_t first, std::span<std::byte> out) {
    Descriptor const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    require_data(file.get() >= 0, "{}: cannot be read: {}", path.string(), std::strerror(errno));
    while (!out.empty()) {
        auto const count = ::pread(file.get(), out.data(), out.size(), first);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        require_environment(
            count >= 0, "{}: reading failed at byte {}: {}", path.string(), first,
            std::strerror(errno)
        );
        require_data(
            count > 0, "{}: ends at byte {}, where {} more are to be read", path.string(), first,
            out.size()
        );
        first += count;
        out = out.subspan(static_cast<std::size_t>(count));
    }
}

void flush_to_disk(std::filesystem::path const& path) {
    Descriptor const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) {
        fail_here(path, "cannot be opened");
    }
    if (::fsync(file.get()) != 0) {
        fail_here(path, "flushing to disk failed");
    }
}

void rename_path(std::filesystem::path const& from, std::filesystem::path const& to) {
    std::error_code error;
    std::filesystem::rename(from, to, error);
    require_environment(
        !error, "{}: cannot be renamed to {}: {}", from.string(), to.string(), error.message()
    );
}

std::filesystem::path with_ending(std::filesystem::path path, std::string_view ending) {
    path += ending;
    return path;
}

void begin_flush(std::filesystem::path const& path) noexcept {
    Descriptor const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() >= 0) {
        static_cast<void>(::sync_file_range(file.get(), 0, 0, SYNC_FILE_RANGE_WRITE));
    }
}

void reserve_room(std::filesystem::path const& path, std::int64_t bytes) {
    Descriptor const file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (file.get() < 0) {
        fail_here(path, "cannot be opened for writing");
    }
    if (::fallocate(file.get(), FALLOC_FL_KEEP_SIZE, 0, bytes) != 0 &&
        (errno == ENOSPC || errno == EDQUOT)) {
        fail_here(path, "there is no room on the disk");
    }
}

std::filesystem::path without_last_slash(std::filesystem::path const& folder) {
    auto const plain = folder.lexically_normal();
    return plain.has_filename() ? plain : plain.parent_path();
}

void make_folders(std::filesystem::path const& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    require_environment(
        !error && std::filesystem::is_directory(path, error), "{}: cannot be made a folder: {}",
        path.string(), error.message()
    );
}

void require_free_space(std::filesystem::path const& folder, std::int64_t bytes) {
    std::error_code error;
    auto const space = std::filesystem::space(folder, error);
    require_environment(!error, "{}: {}", folder.string(), error.message());
    require_environment(
        space.available >= static_cast<std::uintmax_t>(bytes),
        "{}: {} bytes are needed and {} are free; free some or choose another folder",
        folder.string(), bytes, space.available
    );
}

}  // namespace isogloss

// storage/mapped_file.cpp
#include "storage/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/descriptor.h"
#include "base/require.h"

namespace isogloss {
void MappingTraits::release(type mapping) noexcept {
    ::munmap(const_cast<std::byte*>(mapping.data), mapping.bytes);  // munmap takes no const
}

MappedFile::MappedFile(std::filesystem::path const& path, Access access) : path_(path) {
    Descriptor const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    require_data(file.get() >= 0, "{}: cannot be read: {}", path.string(), std::strerror(errno));
    struct stat status {};
    require_data(
        ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode), "{}: is not a regular file",
        path.string()
    );
    auto const bytes = static_cast<std::size_t>(status.st_size);
    if (bytes == 0) {
        return;  // a mapping of nothing is an error to the kernel, and needed by nobody
    }
    void* const address = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file.get(), 0);
    require_environment(
        address != MAP_FAILED, "{}: {} bytes cannot be mapped: {}", path.string(), bytes,
        std::strerror(errno)
    );
    mapping_ = UniqueHandle<MappingTraits>({static_cast<std::byte const*>(address), bytes});
    // Only advice: a kernel that does not take it reads the same bytes.
    ::madvise(address, bytes, access == Access::sequential ? MADV_SEQUENTIAL : MADV_NORMAL);
}

void MappedFile::will_need(std::int64_t offset, std::int64_t bytes) const {
    static auto const page = static_cast<std::int64_t>(::sysconf(_SC_PAGESIZE));
    auto const size = static_cast<std::int64_t>(mapping_.get().bytes);
    auto const begin = std::clamp(offset, std::int64_t{0}, size) / page * page;
    auto const end = std::clamp(offset + bytes, begin, size);
    // madvise takes no const, and writes nothing. Only advice, as above.
    auto* const first = const_cast<std::byte*>(mapping_.get().data) + begin;
    if (begin < end) {
        ::madvise(first, static_cast<std::size_t>(end - begin), MADV_WILLNEED);
    }
}

std::byte const* MappedFile::checked(
    std::int64_t offset, std::int64_t count, std::size_t element, std::size_t alignment
) const {
    auto const size = static_cast<std::int64_t>(mapping_.get().bytes);
    auto const width = static_cast<std::int64_t>(element);
    // Asked for each window of tokens: a path is copied into a text only when something is wrong.
    if (offset < 0 || offset > size || count < 0 || count > (size - offset) / width) {
        fail(
            Exit::data, "{}: {} elements of {} bytes at byte {} leave the file of {} bytes",
            path_.string(), count, width, offset, size
        );
    }
    if (offset % static_cast<std::int64_t>(alignment) != 0) {
        fail(
            Exit::data, "{}: elements of {} bytes begin at byte {}, which is not aligned",
            path_.string(), width, offset
        );
    }
    return mapping_.get().data + offset;
}

}  // namespace isogloss

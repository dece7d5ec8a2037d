// storage/mapped_file.h - a whole file mapped read-only into memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/unique_handle.h"

namespace isogloss {

struct MappingTraits {
    struct type {
        std::byte const* data = nullptr;
        std::size_t bytes = 0;
        bool operator==(type const&) const = default;
    };
    static type null() noexcept { return {}; }
    static void release(type mapping) noexcept;
};

/// How the pages will be used: the kernel reads ahead for one, not for the other.
enum class Access : std::uint8_t { sequential, random };

/// A file mapped read-only. Any thread may read it. The file must not shrink while it is mapped.
class MappedFile {
public:
    MappedFile() = default;
    /// @throws Error  (data) when the file cannot be opened; (environment) when it cannot be mapped
    MappedFile(std::filesystem::path const& path, Access access);

    [[nodiscard]] std::span<std::byte const> bytes() const {
        return {mapping_.get().data, mapping_.get().bytes};
    }

    /// `count` elements of T that begin `offset` bytes into the file.
    /// @throws Error  (data) when they leave the file or are not aligned
    template <class T>
    [[nodiscard]] std::span<T const> elements(std::int64_t offset, std::int64_t count) const {
        auto const* first = checked(offset, count, sizeof(T), alignof(T));
        return {reinterpret_cast<T const*>(first), static_cast<std::size_t>(count)};
    }

    /// Asks the kernel to read bytes [offset, offset + bytes), cut to the file, and waits for
    /// nothing: what is asked for together is read together, while pages that are first touched one
    /// after the other are waited for one after the other.
    void will_need(std::int64_t offset, std::int64_t bytes) const;

private:
    [[nodiscard]] std::byte const* checked(
        std::int64_t offset, std::int64_t count, std::size_t element, std::size_t alignment
    ) const;

    std::filesystem::path path_;
    UniqueHandle<MappingTraits> mapping_;
};

}  // namespace isogloss

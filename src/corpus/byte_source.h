// corpus/byte_source.h - the bytes of a file, decompressed on the way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace isogloss {

/// How a file is compressed, as its first bytes say.
enum class Compression : std::uint8_t { none, gzip, xz, zstd };

/// @throws Error  (data) when the file cannot be opened
Compression compression_of(std::filesystem::path const& path);

/// Reads a plain, gzip, xz or zstd file from front to back; which of them its first bytes say.
/// Several compressed streams after one another are read as one.
class ByteSource {
public:
    /// @param begin  the first byte to read of a plain file
    /// @throws Error  (data) when the file cannot be opened; (internal) when a compressed one is
    ///                not to be read from its front
    explicit ByteSource(std::filesystem::path const& path, std::int64_t begin = 0);
    ~ByteSource();
    ByteSource(ByteSource&&) noexcept;
    ByteSource& operator=(ByteSource&&) noexcept;

    /// Fills `out` from the front and returns how many bytes; 0 is the end.
    /// @throws Error  (data) when a compressed file is damaged or cut short
    std::size_t read(std::span<char> out);

    /// Bytes of the file itself that are read so far, for progress.
    [[nodiscard]] std::int64_t file_bytes_read() const;

private:
    struct Stream;
    std::unique_ptr<Stream> stream_;
};

}  // namespace isogloss

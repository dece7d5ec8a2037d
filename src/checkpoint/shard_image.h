// checkpoint/shard_image.h - what one file of a checkpoint will hold, copied to host memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"

namespace isogloss {

/// The tensors of one file as they were at one moment, so that training may go on while other
/// threads write and hash them. Hashes are those of this memory: whatever a file gives back later
/// that is not what was meant differs from its manifest.
class ShardImage {
public:
    /// Makes room for `tensors`, whose bytes append() then brings in this order.
    ShardImage(std::string file, std::vector<TensorRecord> tensors);

    void append(std::span<std::byte const> bytes);

    [[nodiscard]] std::string const& file() const { return file_; }
    /// Without hashes.
    [[nodiscard]] std::vector<TensorRecord> const& tensors() const { return tensors_; }

    /// Writes FOLDER/FILE, and has the kernel begin to bring it to disk; does not flush it. The
    /// lock of HDF5 is held for some megabytes at a time.
    /// @throws Error  (environment) when it cannot be written
    void write(std::filesystem::path const& folder) const;

    [[nodiscard]] std::string hash_of_tensor(std::size_t index) const;

    /// Size and hash of FOLDER/FILE, which write() has made: its headers as they are there, its
    /// tensors from this memory. The file's headers must lead a reader to those tensors, and the
    /// first and last bytes of each must be there. The bytes between are not read back: so soon
    /// they would come from the page cache that write() has just filled, and say nothing about the
    /// disk. What the disk answers is seen by the flush.
    /// @throws Error  (environment) when the file reads back otherwise
    [[nodiscard]] ShardRecord hash_of_file(std::filesystem::path const& folder) const;

    /// Gives the memory back; nothing else may be called then.
    void release() { bytes_.reset(); }

private:
    struct Place;  // of a tensor in the file

    [[nodiscard]] std::span<std::byte const> bytes_of_tensor(std::size_t index) const;
    [[nodiscard]] std::vector<Place> places(std::filesystem::path const& path) const;

    std::string file_;
    std::vector<TensorRecord> tensors_;
    std::vector<std::size_t> begins_;  ///< of each tensor in the memory, and the end of the last
    std::unique_ptr<std::byte[]> bytes_;
    std::size_t filled_ = 0;
};

}  // namespace isogloss

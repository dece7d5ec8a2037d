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
    /// Of the whole file, headers included; known once it is created.
    [[nodiscard]] std::int64_t file_bytes() const { return file_bytes_; }
    /// Without hashes.
    [[nodiscard]] std::vector<TensorRecord> const& tensors() const { return tensors_; }

    /// Makes FOLDER/FILE: all of it but the bytes of its tensors. Where they lie is then read from
    /// the file, as any reader will do it. The lock of HDF5 is held for this alone.
    /// @throws Error  (environment) when it cannot be written, or reads back otherwise
    void create(std::filesystem::path const& folder);

    // The rest in any order, side by side, once create() has returned.

    /// Writes the tensors to their places, and has the kernel begin to bring them to disk; does not
    /// flush the file.
    /// @throws Error  (environment)
    void write(std::filesystem::path const& folder) const;

    [[nodiscard]] std::string hash_of_tensor(std::size_t index) const;

    /// Size and hash of FOLDER/FILE: its headers as they are there, its tensors from this memory.
    /// These are not read back: so soon they would come from the page cache that write() fills, and
    /// say nothing about the disk, whose faults the flush tells.
    /// @throws Error  (environment) when the headers cannot be read
    [[nodiscard]] ShardRecord hash_of_file(std::filesystem::path const& folder) const;

    /// Gives the memory back; nothing else may be called then.
    void release() { bytes_.reset(); }

private:
    // Of a tensor in the file.
    struct Place {
        std::int64_t begin = 0;
        std::size_t tensor = 0;
    };

    [[nodiscard]] std::span<std::byte const> bytes_of_tensor(std::size_t index) const;
    void find_places(std::filesystem::path const& path);

    std::string file_;
    std::vector<TensorRecord> tensors_;
    std::vector<std::size_t> begins_;  ///< of each tensor in the memory, and the end of the last
    std::unique_ptr<std::byte[]> bytes_;
    std::size_t filled_ = 0;
    std::vector<Place> places_;  ///< in the order of the file
    std::int64_t file_bytes_ = 0;
};

}  // namespace isogloss

// checkpoint/shard_image.h - what one file of a checkpoint will hold, copied to host memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/manifest.h"
#include "checkpoint/shard_file.h"

namespace isogloss {

/// The tensors of one file as they were at one moment, so that training may go on while another
/// thread writes them.
class ShardImage {
public:
    explicit ShardImage(std::string file) : file_(std::move(file)) {}

    /// Makes room for `tensor`, whose bytes append() then brings, from its first to its last.
    void begin_tensor(TensorRecord const& tensor);
    void append(std::span<std::byte const> bytes);

    /// Writes FOLDER/FILE, flushes it to disk, and compares what the file then gives back with this
    /// image, byte by byte. The lock of HDF5 is held for some megabytes at a time. Any thread.
    /// @throws Error  (environment) when it cannot be written, or comes back otherwise
    [[nodiscard]] FinishedShard write(std::filesystem::path const& folder) const;

private:
    struct Tensor {
        TensorRecord record;  // without its hash
        std::unique_ptr<std::byte[]> bytes;
        std::size_t size = 0;
        std::size_t filled = 0;

        [[nodiscard]] std::span<std::byte const> span() const { return {bytes.get(), size}; }
    };

    static void require_same(Hdf5File const& file, Tensor const& tensor);

    std::string file_;
    std::vector<Tensor> tensors_;
};

}  // namespace isogloss

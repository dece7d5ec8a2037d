// checkpoint/shard_file.h - one file of a checkpoint: written, linked, read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "checkpoint/manifest.h"
#include "storage/hdf5_file.h"
#include "storage/hdf5_writer.h"

namespace isogloss {

/// Are the bytes that are read hashed and compared with the manifest?
enum class HashCheck : std::uint8_t { compare, skip };

/// How a file holds elements of this type.
StoredType stored_as(DType type);

/// What was written, or linked, and is to stand in the manifest.
struct FinishedShard {
    ShardRecord shard;
    std::vector<TensorRecord> tensors;
};

/// Writes the tensors of one file, each in pieces from its first element to its last.
class ShardWriter {
public:
    /// @throws Error  (environment)
    ShardWriter(std::filesystem::path const& folder, std::string const& file);

    void begin_tensor(std::string const& name, std::vector<std::int64_t> const& shape, DType dtype);
    /// The next elements of the tensor. A tensor of several extents comes in whole rows.
    void append(std::span<std::byte const> bytes);
    void end_tensor();

    void write(
        std::string const& name,
        std::vector<std::int64_t> const& shape,
        DType dtype,
        std::span<std::byte const> bytes
    );

    /// Closes the file, flushes it to disk and hashes it. Call once, last.
    [[nodiscard]] FinishedShard finish();

private:
    std::filesystem::path path_;
    Hdf5Writer writer_;
    FinishedShard finished_;
    Sha256 hash_;
    std::int64_t row_bytes_ = 0;
    std::int64_t next_row_ = 0;
};

/// Makes `to`/FILE another name of `from`/FILE. Returns "" or the reason why it cannot be: the file
/// is gone, has another size than its record says, lies on another file system, ...
std::string link_shard(
    std::filesystem::path const& from, std::filesystem::path const& to, ShardRecord const& shard
);

/// The same by copying the bytes, which are hashed on the way.
/// @throws Error  (data) when they are not those of the record; (environment) disk full
void copy_shard(
    std::filesystem::path const& from, std::filesystem::path const& to, ShardRecord const& shard
);

/// Reads a whole tensor into `out`, which has its bytes.
/// @throws Error  (data) when file and record disagree, in form or in content
void read_tensor(
    Hdf5File const& file, TensorRecord const& tensor, std::span<std::byte> out, HashCheck check
);

/// Reads a whole tensor to compare its hash, block by block and without the lock of HDF5.
/// @throws Error  (data) when file and record disagree, in form or in content
void check_tensor(Hdf5File const& file, TensorRecord const& tensor);

/// The bytes of one tensor of a checkpoint.
std::vector<std::byte> read_tensor(
    StoredCheckpoint const& checkpoint, TensorRecord const& tensor, HashCheck check
);

}  // namespace isogloss

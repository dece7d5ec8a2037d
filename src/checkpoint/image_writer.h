// checkpoint/image_writer.h - brings images of files to disk on three threads, with their hashes.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stop_token>
#include <vector>

#include "checkpoint/shard_file.h"
#include "checkpoint/shard_image.h"

namespace isogloss {

/// Writes every image into `folder` and flushes the files to disk at the end. The calling thread
/// writes, a second one hashes tensors, a third one files: each byte is hashed twice, which takes
/// a core longer than it takes a disk to write it. While they hash, the kernel brings to disk what
/// is written. An image gives its memory back when all three are done with it.
///
/// @param stop   asked between two files; nothing is returned once it says so
/// @param parts  counts what is done, for whoever watches
/// @throws Error  (environment) disk full, ...
std::vector<FinishedShard> write_images(
    std::filesystem::path const& folder,
    std::span<ShardImage> images,
    std::stop_token const& stop,
    std::atomic<std::int64_t>& parts
);

}  // namespace isogloss

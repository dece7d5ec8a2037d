// base/file.h - files written whole or not at all, and what the disk has left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

namespace isogloss {

/// Writes PATH.partial, flushes it to disk, renames it to PATH: a reader sees the old file or the
/// new one, never half of one. PATH.partial is removed on failure.
/// @throws Error  (environment) when the disk is full or the folder not writable
void write_file(std::filesystem::path const& path, std::string_view content);

/// Writes `bytes` into an existing file, from its byte `first` on.
/// @throws Error  (environment) when the disk is full, ...
void write_at(
    std::filesystem::path const& path, std::int64_t first, std::span<std::byte const> bytes
);

/// Fills `out` with the bytes of a file from its byte `first` on.
/// @throws Error  (data) when there is no file, or it ends before; (environment) when it cannot be
///         read
void read_at(std::filesystem::path const& path, std::int64_t first, std::span<std::byte> out);

/// Flushes a finished file, or the entries of a folder, to disk.
/// @throws Error  (environment)
void flush_to_disk(std::filesystem::path const& path);

/// A file or a folder; one that has the new name is replaced as the system does it.
/// @throws Error  (environment)
void rename_path(std::filesystem::path const& from, std::filesystem::path const& to);

/// PATH with more letters at its end: with_ending("a.h5", ".partial") is "a.h5.partial".
std::filesystem::path with_ending(std::filesystem::path path, std::string_view ending);

/// Has the kernel begin to bring to disk what a file holds so far, and does not wait: a later
/// flush_to_disk() then finds little left to do. Only advice, so nothing is said where it fails.
void begin_flush(std::filesystem::path const& path) noexcept;

/// Takes room on the disk for an existing file to become `bytes` long, where its file system can:
/// what is then written does not find the disk full.
/// @throws Error  (environment) when there is no room
void reserve_room(std::filesystem::path const& path, std::int64_t bytes);

/// "out/" and "./out" become "out", so that a name made from it ("out.partial") stands beside it.
std::filesystem::path without_last_slash(std::filesystem::path const& folder);

/// @throws Error  (environment) when `path` cannot be made a folder
void make_folders(std::filesystem::path const& path);

/// @throws Error  (environment) with the bytes that are missing, when the file system that holds
/// `folder` has fewer than `bytes` free
void require_free_space(std::filesystem::path const& folder, std::int64_t bytes);

}  // namespace isogloss

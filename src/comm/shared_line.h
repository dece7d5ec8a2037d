// comm/shared_line.h - a small JSON object that one process rewrites in place and others read, on
// any file system that nodes share.
#pragma once

#include <filesystem>

#include "base/json.h"

namespace isogloss {

/// Whether the file must be there before, must not be, or is made where it is not.
enum class IfFile : std::uint8_t { exists, is_new, either };

/// Writes `value` as the file's only line, always as long, so that a reader sees an old line or a
/// new one. False when the file cannot be opened so, or written; errno says why.
bool write_shared_line(std::filesystem::path const& path, Json const& value, IfFile if_file);

/// Not an object when there is no file, it is half written, or another program's.
Json read_shared_line(std::filesystem::path const& path);

}  // namespace isogloss

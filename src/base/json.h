// base/json.h - JSON files: read with a name in every error, written whole or not at all.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/require.h"

namespace isogloss {

/// Keys keep the order they were written in, so equal content gives equal bytes.
using Json = nlohmann::ordered_json;

/// Parses a file; `//` and `/* */` comments are allowed (plans are written by people).
/// @throws Error  (data) with file, line and column of the fault
Json read_json(std::filesystem::path const& path);

/// Writes PATH.partial, flushes it to disk, renames it to PATH.
/// @throws Error  (environment) when the disk is full or the folder not writable
void write_json(std::filesystem::path const& path, Json const& value);

/// value[key] as T; `where` names the file in the error.
/// @throws Error  (data) when the key is missing or has another type
template <class T>
T json_get(Json const& value, char const* key, std::string const& where) {
    require_data(
        value.is_object() && value.contains(key), "{}: the key \"{}\" is missing", where, key
    );
    try {
        return value.at(key).get<T>();
    } catch (nlohmann::json::exception const& error) {
        fail(Exit::data, "{}: \"{}\" has the wrong type: {}", where, key, error.what());
    }
}

}  // namespace isogloss

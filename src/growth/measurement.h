// growth/measurement.h - JSON files of measured numbers, read so that a bad number is named by its
// place.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"

namespace isogloss {

/// read_json() that also takes NaN, Infinity and -Infinity where a value stands: measuring scripts
/// write them, though JSON has none. They become texts, which finite_number() refuses.
/// @throws Error  (data) when the file cannot be read or is no JSON otherwise
Json read_measurements(std::filesystem::path const& path);

/// @param where  "similarity.json: layer 3", begins the error's text
/// @throws Error  (data) when `value` is no number, or not a finite one
double finite_number(Json const& value, std::string const& where);

/// A list of finite numbers; an element is called `what` and its index: "layer 3".
/// @throws Error  (data) when `value` is no list or is empty, or for the first bad element
std::vector<double> finite_numbers(Json const& value, std::string const& where, char const* what);

}  // namespace isogloss

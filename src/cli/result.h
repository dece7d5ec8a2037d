// cli/result.h - a command's result: to a file, to standard output, as JSON or for people.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/json.h"

namespace isogloss {

/// What the options `out`, `json` and `quiet` of a command say.
struct ResultOutput {
    std::filesystem::path out;  ///< also write the JSON here; empty: nowhere
    bool json = false;          ///< print the JSON instead of the text
    bool quiet = false;         ///< print nothing
};

/// @param text  for people; made only if it is printed
/// @throws Error  (environment) when the file cannot be written
void give_result(
    ResultOutput const& output, Json const& json, std::function<std::string()> const& text
);

}  // namespace isogloss

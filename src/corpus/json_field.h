// corpus/json_field.h - one text out of a JSON object, whatever else the object holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace isogloss {

enum class FieldState : std::uint8_t {
    found,
    wrong_json,
    missing,  ///< valid JSON, but no object, or its value of that name is none or no text
};

/// Looks for "field": "..." in a JSON object and puts the text into `out`; of several the last.
/// Nothing else of the line is kept, so that memory is that of the longest text in it, and time
/// grows with its length only, however deep it nests and however many keys it has.
FieldState read_json_field(std::string_view line, std::string const& field, std::string& out);

}  // namespace isogloss

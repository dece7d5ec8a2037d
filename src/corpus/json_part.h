// corpus/json_part.h - one object of tokenizer.json, each key of which must be understood.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace isogloss {

/// Sequences within sequences of one part of a tokenizer.json, at most.
inline constexpr int kDeepestSequence = 16;

/// Reads keys one by one; finish() refuses those that nobody asked for, as they may matter.
class JsonPart {
public:
    /// @param where  file and part: "tokenizer.json: normalizer"
    /// @throws Error  (data) when `value` is no object
    JsonPart(Json const& value, std::string where);

    /// The value of a key that must be there; null if it may be absent and is.
    Json const& required(char const* key);
    Json const* optional(char const* key);

    /// All throw Error (data) when a value has another type.
    std::string text(char const* key);
    std::optional<std::string> optional_text(char const* key);  ///< none when absent or null
    bool flag(char const* key, bool otherwise);
    std::int64_t count(char const* key);
    /// The one character of a text.
    char32_t character(char const* key);

    /// Says that a key may be there and does not matter.
    void ignore(char const* key);

    /// @throws Error  (data) naming the first key that was not read
    void finish() const;

    [[nodiscard]] std::string const& where() const { return where_; }

private:
    Json const& value_;
    std::string where_;
    std::vector<std::string> known_;
};

}  // namespace isogloss

// corpus/vocabulary.h - tokens by their text and by their number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace isogloss {

/// Ids may have gaps; they stay below twice the tokens and 65,536 more, so that a list by id is no
/// larger than what it lists.
class Vocabulary {
public:
    Vocabulary() = default;
    Vocabulary(Vocabulary&&) = default;
    Vocabulary& operator=(Vocabulary&&) = default;

    /// @param where  names file and part in errors
    /// @throws Error  (data) when the text or the id is there already, or the id out of range
    void add(std::string text, std::int64_t id, std::string const& where);

    [[nodiscard]] std::optional<std::int32_t> find(std::string_view text) const;
    /// The text of an id; nullptr for a gap or an id beyond size().
    [[nodiscard]] std::string const* text_of(std::int32_t id) const;

    [[nodiscard]] std::int32_t count() const { return static_cast<std::int32_t>(ids_.size()); }
    /// One above the highest id.
    [[nodiscard]] std::int32_t size() const { return static_cast<std::int32_t>(texts_.size()); }
    /// @throws Error  (data) when an id is far above the number of tokens
    void check_range(std::string const& where) const;

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>()(text);
        }
    };
    std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> ids_;
    std::vector<std::string const*> texts_;  // the map's own keys, which do not move
};

}  // namespace isogloss

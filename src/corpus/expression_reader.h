// corpus/expression_reader.h - goes through a regular expression, character by character.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace isogloss {

/// A place in a pattern that is well-formed UTF-8, for who reads it once from left to right. Takes
/// note of no grammar but that of escaped characters.
class ExpressionReader {
public:
    /// Keeps both; `where` names file and part in errors.
    ExpressionReader(std::string_view pattern, std::string const& where)
        : pattern_(pattern), where_(where) {}

    /// @throws Error  (data) with the pattern, the place and `fault`, unless `condition`
    void check(bool condition, std::string_view fault) const;

    [[nodiscard]] bool at_end() const { return at_ >= pattern_.size(); }
    [[nodiscard]] bool sees(std::string_view text) const {
        return pattern_.substr(at_).starts_with(text);
    }
    /// Goes over `text` if it is what comes next.
    bool takes(std::string_view text);
    /// The next character; there must be one.
    char32_t character();
    /// What a backslash and `letter` stand for; reads the digits of \x and \u.
    char32_t escaped_character(char32_t letter);

protected:
    std::string_view pattern_;
    std::string const& where_;
    std::size_t at_ = 0;

private:
    char32_t hexadecimal(std::size_t least, std::size_t most);
};

}  // namespace isogloss

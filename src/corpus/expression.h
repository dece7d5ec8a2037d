// corpus/expression.h - a compiled regular expression that finds all its matches in a text.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace isogloss {

/// Bytes [begin, end) of a text.
struct TextRange {
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// PCRE2, compiled to machine code. Const functions may be called from several threads.
class Expression {
public:
    /// @param pattern  in Oniguruma's syntax; see expression_syntax.h
    /// @throws Error  (data) with file, part and what is wrong when it is not understood
    Expression(std::string const& pattern, std::string const& where);

    /// Appends the matches from left to right. A search goes on where the last match ended; an
    /// empty match right after a match counts for nothing.
    /// @param text  well-formed UTF-8
    /// @throws Error  (data) with the text's beginning when a search takes too many steps
    void find_all(std::string_view text, std::vector<TextRange>& out) const;

private:
    struct Free {
        void operator()(void* code) const noexcept;
    };
    [[nodiscard]] bool find(std::string_view text, std::size_t from, TextRange& out) const;

    std::string where_;
    std::unique_ptr<void, Free> code_;
};

}  // namespace isogloss

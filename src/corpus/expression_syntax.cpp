// corpus/expression_syntax.cpp
#include "corpus/expression_syntax.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/require.h"
#include "base/text.h"
#include "corpus/character_sets.h"
#include "corpus/expression_reader.h"
#include "corpus/utf8.h"

namespace isogloss {
namespace {

constexpr std::size_t kDeepestGroup = 50;  // groups within groups, sets within sets

enum class Letters : std::uint8_t { exact, any_case };

// Reads a pattern once from left to right and writes what PCRE2 is to read.
class Translation : private ExpressionReader {
public:
    Translation(std::string_view pattern, std::string const& where)
        : ExpressionReader(pattern, where) {}

    std::string run() {
        while (!at_end()) {
            piece();
        }
        check(groups_.empty(), "a group without its end");
        return out_;
    }

private:
    struct Group {
        std::size_t begin = 0;  // in the output
        Letters letters = Letters::exact;
    };

    void piece();
    void atom();
    void escape();
    void open_group();
    void group_options();
    void close_group();
    void quantifier();
    bool interval();
    bool number(std::string& digits);
    void literal(char32_t value);
    std::string property(bool is_negated);
    CharacterSet set(std::size_t depth);
    void set_item(CharacterSet& set, std::size_t depth);
    bool set_escape(CharacterSet& set);
    char32_t set_character();

    std::string out_;
    std::size_t atom_ = 0;  // where the last atom begins in the output
    std::vector<Group> groups_;
    Letters letters_ = Letters::exact;
    char32_t last_ = 0;  // the literal just before, 0 if there is none
};

void Translation::piece() {
    if (takes("|")) {
        out_ += '|';
        last_ = 0;
    } else if (takes("^") || takes("$")) {
        out_ += pattern_[at_ - 1];
        last_ = 0;
    } else if (takes("(")) {
        open_group();
        last_ = 0;
    } else {
        atom();
        quantifier();
    }
}

void Translation::atom() {
    atom_ = out_.size();
    if (takes(")")) {
        close_group();
    } else if (takes("[")) {
        out_ += set(0).text();
        last_ = 0;
    } else if (takes("\\")) {
        escape();
    } else if (takes(".")) {
        out_ += '.';
        last_ = 0;
    } else {
        check(!sees("*") && !sees("+") && !sees("?"), "nothing to repeat");
        literal(character());
    }
}

// "ss" also means "ß" where case does not matter, to the one library, and not to the other.
void Translation::literal(char32_t value) {
    if (letters_ == Letters::any_case) {
        check(value < 0x80, "a letter beyond ASCII in any case");
        auto const lower = [](char32_t c) { return 'A' <= c && c <= 'Z' ? c + 32 : c; };
        auto const pair =
            std::string{static_cast<char>(lower(last_)), static_cast<char>(lower(value))};
        check(
            pair != "ss" && pair != "st" && pair != "ff" && pair != "fi" && pair != "fl",
            "\"" + pair + "\" in any case, which is one letter too"
        );
    }
    append_literal(out_, value);
    last_ = value;
}

void Translation::escape() {
    auto const letter = character();
    last_ = 0;
    switch (letter) {
        case 'A': out_ += "\\A"; return;
        case 'z': out_ += "\\z"; return;
        case 'Z': out_ += "\\Z"; return;
        case 'b': out_ += word_border(); return;
        case 'B': out_ += no_word_border(); return;
        case 'R': out_ += "(?>\\r\\n|[\\n-\\r\\x{85}\\x{2028}\\x{2029}])"; return;
        default: break;
    }
    --at_;
    CharacterSet set;
    if (set_escape(set)) {
        out_ += set.text();
    } else {
        literal(escaped_character(character()));
    }
}

// Between the braces of \p{...}: the set it names, in the syntax of a set's inside.
std::string Translation::property(bool is_negated) {
    check(takes("{"), "\\p without {");
    bool const is_other = takes("^");
    auto const end = pattern_.find('}', at_);
    check(end != std::string_view::npos, "\\p{ without its end");
    auto const name = pattern_.substr(at_, end - at_);
    auto const items = property_items(name, is_negated != is_other);
    check(!items.empty(), "a property that is not known: " + std::string(name));
    at_ = end + 1;
    return items;
}

// An escape that stands for many characters. False, and nothing read, when it is none.
bool Translation::set_escape(CharacterSet& set) {
    auto const start = at_;
    auto const letter = character();
    switch (letter) {
        case 's': set.items += kWhiteItems; return true;
        case 'S': set.items += kNotWhiteItems; return true;
        case 'd': set.items += "\\p{Nd}"; return true;
        case 'D': set.items += "\\P{Nd}"; return true;
        case 'w': set.items += kWordItems; return true;
        case 'h': set.items += "0-9A-Fa-f"; return true;
        case 'W':
        case 'H':
            check(set.items.empty(), "\\W or \\H within a set");
            set.items += letter == 'W' ? kWordItems : "0-9A-Fa-f";
            set.is_negated = !set.is_negated;
            set.is_closed = true;
            return true;
        case 'p':
        case 'P': set.items += property(letter == 'P'); return true;
        default: at_ = start; return false;
    }
}

void Translation::open_group() {
    check(groups_.size() < kDeepestGroup, "groups too deep");
    auto const begin = out_.size();
    groups_.push_back({begin, letters_});
    for (std::string_view const form : {"?:", "?=", "?!", "?<=", "?<!", "?>"}) {
        if (takes(form)) {
            out_ += "(";
            out_ += form;
            return;
        }
    }
    if (takes("?<")) {
        auto const end = pattern_.find('>', at_);
        check(end != std::string_view::npos && end > at_, "a group's name without its end");
        at_ = end + 1;
        out_ += "(?:";
    } else if (takes("?")) {
        group_options();
    } else {
        check(!sees("*"), "a verb");
        out_ += "(?:";
    }
}

// (?i:...), (?m:...), (?i-m:...); and (?i) where the whole pattern begins.
void Translation::group_options() {
    std::string on;
    std::string off;
    for (bool is_on = true; !sees(":") && !sees(")");) {
        auto const letter = character();
        check(letter == 'i' || letter == 'm' || (letter == '-' && is_on), "a group not known");
        is_on = is_on && letter != '-';
        if (letter == 'i') {
            letters_ = is_on ? Letters::any_case : Letters::exact;
        }
        if (letter != '-') {
            (is_on ? on : off) += letter == 'i' ? 'i' : 's';  // Ruby's m is what PCRE2 calls s
        }
    }
    out_ += "(?" + on + (off.empty() ? "" : "-" + off);
    if (takes(":")) {
        out_ += ':';
        return;
    }
    bool const is_first = groups_.size() == 1 && groups_.back().begin == 0;
    check(is_first, "options in the midst");
    check(takes(")"), "options without their end");
    out_ += ')';
    groups_.pop_back();
}

void Translation::close_group() {
    check(!groups_.empty(), "a group's end without its begin");
    out_ += ')';
    atom_ = groups_.back().begin;
    letters_ = groups_.back().letters;
    groups_.pop_back();
    last_ = 0;
}

void Translation::quantifier() {
    bool const is_interval = interval();
    if (!is_interval) {
        if (!takes("*") && !takes("+") && !takes("?")) {
            return;
        }
        out_ += pattern_[at_ - 1];
        if (takes("+") || takes("?")) {  // possessive, lazy
            out_ += pattern_[at_ - 1];
        }
    } else if (takes("?")) {
        out_ += '?';
    } else if (sees("+") || sees("*")) {  // a repeat of the repeat
        out_.insert(atom_, "(?:");
        out_ += ')';
        out_ += pattern_[at_++];
    }
    last_ = 0;
    check(!sees("*") && !sees("+") && !sees("?") && !interval(), "a repeat of a repeat");
}

bool Translation::number(std::string& digits) {
    while (!at_end() && is_digit(pattern_[at_])) {
        digits += pattern_[at_++];
    }
    check(digits.size() <= 5, "too many repeats");
    return !digits.empty();
}

// {n}, {n,}, {n,m}, {,m}. False, and nothing read, when a brace stands for itself.
bool Translation::interval() {
    auto const start = at_;
    std::string least;
    std::string most;
    if (!takes("{")) {
        return false;
    }
    bool const has_least = number(least);
    bool const has_comma = takes(",");
    bool const has_most = has_comma && number(most);
    if (!takes("}") || (!has_least && !has_most)) {
        at_ = start;
        return false;
    }
    check(has_comma || !sees("?"), "{n}?, which libraries read differently");
    check(!has_most || !has_least || std::stoi(least) <= std::stoi(most), "{n,m} with n above m");
    out_ += "{" + (has_least ? least : "0") + (has_comma ? "," + most : "") + "}";
    return true;
}

// After its opening bracket.
CharacterSet Translation::set(std::size_t depth) {
    check(depth < kDeepestGroup, "sets too deep");
    CharacterSet result;
    bool const is_negated = takes("^");
    check(!sees("]"), "an empty set");
    while (!takes("]")) {
        check(!at_end(), "a set without its end");
        check(!sees("&&"), "an intersection of sets");
        set_item(result, depth);
    }
    result.is_negated = result.is_negated != is_negated;
    return result;
}

void Translation::set_item(CharacterSet& result, std::size_t depth) {
    check(!result.is_closed, "\\W or \\H within a set");
    if (takes("[:")) {
        bool const is_other = takes("^");
        auto const end = pattern_.find(":]", at_);
        check(end != std::string_view::npos, "[: without its end");
        auto const items = bracket_items(pattern_.substr(at_, end - at_), is_other);
        check(!items.empty(), "a [:name:] that is not known");
        result.items += items;
        at_ = end + 2;
        return;
    }
    if (takes("[")) {
        auto const inner = set(depth + 1);
        check(!inner.is_negated, "a negated set within a set");
        result.items += inner.items;
        return;
    }
    if (takes("\\")) {
        if (set_escape(result)) {
            return;
        }
        --at_;
    }
    auto const first = set_character();
    append_literal(result.items, first);
    if (!sees("-") || sees("-]")) {
        return;
    }
    takes("-");
    check(!sees("["), "a range to a set");
    auto const last = set_character();
    check(first <= last, "a range from high to low");
    result.items += '-';
    append_literal(result.items, last);
}

char32_t Translation::set_character() {
    if (takes("\\")) {
        auto const letter = character();
        return letter == 'b' ? U'\b' : escaped_character(letter);
    }
    return character();
}

}  // namespace

std::string pcre2_syntax(std::string_view pattern, std::string const& where) {
    require_data(is_utf8(pattern), "{}: an expression is not UTF-8", where);
    return Translation(pattern, where).run();
}

}  // namespace isogloss

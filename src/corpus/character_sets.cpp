// corpus/character_sets.cpp
#define PCRE2_CODE_UNIT_WIDTH 8
#include "corpus/character_sets.h"

#include <pcre2.h>

#include <algorithm>
#include <array>
#include <utility>

#include "corpus/utf8.h"

namespace isogloss {
namespace {

using NamedItems = std::pair<std::string_view, std::string_view>;

// General categories by their long names; the short ones are PCRE2's own.
constexpr std::array<NamedItems, 30> kCategories{
    {{"letter", "L"},
     {"casedletter", "L&"},
     {"lc", "L&"},
     {"uppercaseletter", "Lu"},
     {"lowercaseletter", "Ll"},
     {"titlecaseletter", "Lt"},
     {"modifierletter", "Lm"},
     {"otherletter", "Lo"},
     {"mark", "M"},
     {"combiningmark", "M"},
     {"nonspacingmark", "Mn"},
     {"spacingmark", "Mc"},
     {"enclosingmark", "Me"},
     {"number", "N"},
     {"decimalnumber", "Nd"},
     {"letternumber", "Nl"},
     {"othernumber", "No"},
     {"punctuation", "P"},
     {"punct", "P"},
     {"connectorpunctuation", "Pc"},
     {"dashpunctuation", "Pd"},
     {"symbol", "S"},
     {"mathsymbol", "Sm"},
     {"currencysymbol", "Sc"},
     {"separator", "Z"},
     {"spaceseparator", "Zs"},
     {"other", "C"},
     {"control", "Cc"},
     {"cntrl", "Cc"},
     {"format", "Cf"}}};

constexpr std::string_view kShortCategories =
    " l lu ll lt lm lo m mn mc me n nd nl no p pc pd ps pe pi pf po s sm sc sk so z zs zl zp c cc "
    "cf "
    "cn co ";

// Names that are not one property of PCRE2, and what lies outside where that can be said.
constexpr std::array<NamedItems, 5> kSets{
    {{"space", kWhiteItems},
     {"whitespace", kWhiteItems},
     {"word", kWordItems},
     {"xdigit", "0-9A-Fa-f"},
     {"alnum", "\\p{Alphabetic}\\p{Nd}"}}};
constexpr std::array<NamedItems, 4> kBinary{
    {{"alpha", "Alphabetic"}, {"upper", "Uppercase"}, {"lower", "Lowercase"}, {"digit", "Nd"}}};

template <std::size_t size>
std::string_view find(std::array<NamedItems, size> const& table, std::string_view name) {
    auto const* const found =
        std::ranges::find(table, name, [](NamedItems const& entry) { return entry.first; });
    return found == table.end() ? std::string_view() : found->second;
}

// Names are compared without case, blanks, hyphens and underscores.
std::string plain(std::string_view name) {
    std::string result;
    for (char const c : name) {
        if (c != ' ' && c != '_' && c != '-') {
            result += 'A' <= c && c <= 'Z' ? static_cast<char>(c + 32) : c;
        }
    }
    return result;
}

bool compiles(std::string const& pattern) {
    int error = 0;
    std::size_t at = 0;
    auto* const code = pcre2_compile(
        reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF | PCRE2_UCP, &error,
        &at, nullptr
    );
    pcre2_code_free(code);
    return code != nullptr;
}

std::string escape(std::string_view property, bool is_negated) {
    return (is_negated ? "\\P{" : "\\p{") + std::string(property) + "}";
}

}  // namespace

std::string word_border() {
    auto const word = "[" + std::string(kWordItems) + "]";
    return "(?:(?<=" + word + ")(?!" + word + ")|(?<!" + word + ")(?=" + word + "))";
}

std::string no_word_border() {
    auto const word = "[" + std::string(kWordItems) + "]";
    return "(?:(?<=" + word + ")(?=" + word + ")|(?<!" + word + ")(?!" + word + "))";
}

std::string property_items(std::string_view name, bool is_negated) {
    auto const key = plain(name);
    bool const is_name = std::ranges::all_of(key, [](char c) {
        return is_word_character(static_cast<unsigned char>(c));
    });
    if (key.empty() || !is_name) {
        return {};
    }
    if (kShortCategories.find(" " + key + " ") != std::string_view::npos) {
        std::string category = key;
        category[0] = static_cast<char>(category[0] - 32);
        return escape(category, is_negated);
    }
    if (auto const category = find(kCategories, key); !category.empty()) {
        return escape(category, is_negated);
    }
    if (auto const binary = find(kBinary, key); !binary.empty()) {
        return escape(binary, is_negated);
    }
    if (auto const items = find(kSets, key); !items.empty()) {
        bool const is_white = items == std::string_view(kWhiteItems);
        return !is_negated ? std::string(items) : is_white ? kNotWhiteItems : std::string();
    }
    // By script: PCRE2's plain name of one means its extensions too.
    for (auto const& property : {"sc:" + key, key}) {
        if (compiles("\\p{" + property + "}")) {
            return escape(property, is_negated);
        }
    }
    return {};
}

std::string bracket_items(std::string_view name, bool is_negated) {
    if (name == "punct") {
        return is_negated ? std::string() : "\\p{P}\\p{S}";
    }
    for (auto const* known :
         {"alpha", "digit", "space", "upper", "lower", "alnum", "word", "xdigit", "cntrl"}) {
        if (name == known) {
            return property_items(name, is_negated);
        }
    }
    return {};
}

bool is_word_character(char32_t value) {
    return (U'a' <= value && value <= U'z') || (U'A' <= value && value <= U'Z') ||
           (U'0' <= value && value <= U'9') || value == U'_';
}

void append_literal(std::string& out, char32_t value) {
    if (0x21 <= value && value < 0x7F && !is_word_character(value)) {
        out += '\\';
    }
    append_utf8(out, value);
}

}  // namespace isogloss

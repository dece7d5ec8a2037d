// base/options_text.cpp
#include <algorithm>
#include <cctype>

#include "base/options.h"
#include "base/table.h"

namespace isogloss {
namespace {

constexpr std::size_t kHelpColumn = 34;
constexpr std::size_t kWidth = 100;

std::string section_of(std::string const& name) {
    auto const point = name.find('.');
    return point == std::string::npos ? "" : name.substr(0, point);
}

std::string upper(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) {
        return static_cast<char>(std::toupper(c));
    });
    return text;
}

// The words of `text`, in lines of at most kWidth columns that begin after `indent` blanks. The
// first line begins without them: the caller has written that far.
std::string broken_at(std::size_t indent, std::string const& text) {
    std::string lines;
    std::size_t column = indent;
    for (std::size_t at = 0; at < text.size();) {
        auto const end = std::min(text.find(' ', at), text.size());
        auto const word = text.substr(at, end - at);
        auto const columns = static_cast<std::size_t>(display_width(word));
        if (column > indent && column + 1 + columns > kWidth) {
            lines += "\n" + std::string(indent, ' ');
            column = indent;
        }
        lines += (column > indent ? " " : "") + word;
        column += columns + (column > indent ? 1 : 0);
        at = end + 1;
    }
    return lines + "\n";
}

// `text` right of kHelpColumn, beside `first` or, where that is too long, below it.
std::string in_columns(std::string const& first, std::string const& text) {
    auto const fits = first.size() + 2 <= kHelpColumn;
    auto const blanks = fits ? kHelpColumn - first.size() : kHelpColumn;
    return first + (fits ? "" : "\n") + std::string(blanks, ' ') + broken_at(kHelpColumn, text);
}

// The sections of names in the order of their first appearance; the one without a name first.
template <class Entries>
std::vector<std::string> sections_of(Entries const& entries) {
    std::vector<std::string> sections{""};
    for (auto const& entry : entries) {
        auto const section = section_of(entry.name);
        if (std::ranges::count(sections, section) == 0) {
            sections.push_back(section);
        }
    }
    return sections;
}

}  // namespace

std::string Options::help() const {
    std::string usage = "isogloss " + command_ + " [options]";
    std::string words;
    for (auto const& entry : entries_) {
        if (entry.positional) {
            auto const name = upper(entry.name) + (entry.takes_rest ? " ..." : "");
            auto const needed = entry.presence == Presence::required;
            usage += needed ? " " + name : " [" + name + "]";
            words += in_columns("  " + name, entry.help);
        }
    }
    std::string text =
        usage + "\n\n" + broken_at(0, summary_) + (words.empty() ? "" : "\n" + words);
    for (auto const& section : sections_of(entries_)) {
        text += "\n" + (section.empty() ? "options" : section) + ":\n";
        if (section.empty()) {
            text += in_columns("  --help", "print this and end");
            text += in_columns(
                "  --config FILE", "read options from an INI file; those given here override it"
            );
        }
        for (auto const& entry : entries_) {
            if (entry.positional || section_of(entry.name) != section) {
                continue;
            }
            auto const note = entry.presence == Presence::required             ? " (required)"
                              : entry.is_flag && entry.default_text == "false" ? ""
                              : entry.default_text.empty()                     ? ""
                                                           : " (" + entry.default_text + ")";
            text += in_columns(
                "  --" + entry.name + (entry.is_flag ? "" : " " + entry.form), entry.help + note
            );
        }
    }
    return text;
}

std::string Options::resolved() const {
    std::string text;
    for (auto const& section : sections_of(entries_)) {
        std::string lines;
        for (auto const& entry : entries_) {
            if (entry.is_of_record && section_of(entry.name) == section) {
                auto const key =
                    section.empty() ? entry.name : entry.name.substr(section.size() + 1);
                lines += key + " = " + ini_value(entry.text()) + "\n";
            }
        }
        auto const title = section.empty() ? "" : "[" + section + "]\n";
        if (!lines.empty()) {
            text += (text.empty() ? "" : "\n") + (title + lines);
        }
    }
    return text;
}

}  // namespace isogloss

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

// `text` after `first`, broken between words so that it stands right of kHelpColumn.
std::string in_columns(std::string const& first, std::string const& text) {
    std::string lines = first;
    std::string const indent(kHelpColumn, ' ');
    std::size_t column = first.size();
    if (column + 2 > kHelpColumn) {
        lines += "\n";
        column = 0;
    }
    lines.append(kHelpColumn - column, ' ');
    column = kHelpColumn;
    for (std::size_t at = 0; at < text.size();) {
        auto const end = std::min(text.find(' ', at), text.size());
        auto const word = text.substr(at, end - at);
        auto const columns = static_cast<std::size_t>(display_width(word));
        if (column > kHelpColumn && column + 1 + columns > kWidth) {
            lines += "\n" + indent;
            column = kHelpColumn;
        }
        lines += (column > kHelpColumn ? " " : "") + word;
        column += columns + (column > kHelpColumn ? 1 : 0);
        at = end + 1;
    }
    return lines + "\n";
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
    std::string text = usage + "\n\n" + summary_ + "\n" + (words.empty() ? "" : "\n" + words);
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
            if (section_of(entry.name) == section) {
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

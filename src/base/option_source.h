// base/option_source.h - a command line or an INI file as names with texts, by Boost's parsers.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isogloss {

/// What the parsers must know of an option.
struct OptionForm {
    std::string name;
    bool is_flag = false;  ///< `--x` alone means true; a value is joined by '='
};

/// One option given as text, in the order given. `name` is empty for a word without a name.
struct GivenOption {
    std::string name;
    std::string value;
    std::string source;  ///< "" for the command line, else the file
    bool is_known = true;
};

/// `--name=value`, `--name value`, `--flag`, words. After `--` all are words. What cannot be read
/// becomes a line in `faults`, and the rest is read nevertheless.
std::vector<GivenOption> read_words(
    std::span<std::string const> words,
    std::span<OptionForm const> forms,
    std::vector<std::string>& faults
);

/// An INI file; [section] and key make "section.key". A value in double quotes may hold \n, \t, \",
/// \\ and \x23 (the '#' that would begin a comment).
/// @throws Error  (usage) when the file cannot be read or a line is no `key = value`
std::vector<GivenOption> read_ini(
    std::filesystem::path const& path, std::span<OptionForm const> forms
);

/// The value as read_ini reads it back: in quotes where it has to be.
std::string ini_value(std::string_view value);

}  // namespace isogloss

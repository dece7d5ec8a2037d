// corpus/input_list.h - which files hold which language's text.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace isogloss {

/// One language's files, in the order in which their documents follow one another.
struct LanguageInput {
    std::string tag;  ///< BCP 47
    std::vector<std::filesystem::path> files;
};

/// Reads the words that --input takes, each one of
///     TAG=PATH   a file, or a folder of which all .txt and .jsonl files are taken
///     TAG=@LIST  the files and folders that the file LIST names, one a line, relative to LIST's
///                folder; blank lines and lines that begin with # count nothing
///     PATH       after a word with a TAG, or @LIST: more text of that language
///     FOLDER     before any: each TAG.txt or TAG.jsonl in it, and each folder TAG in it
/// where .txt and .jsonl may end in .gz, .xz or .zst. Languages come out in byte order of their
/// tags; a folder's files in byte order of their names.
/// @throws Error  (usage) for a word of another form, or a tag that is none or comes twice;
///                (data) for a path that is missing or a folder without text, for Parquet files,
///                and for names that are not UTF-8
std::vector<LanguageInput> read_input_list(std::vector<std::string> const& words);

}  // namespace isogloss

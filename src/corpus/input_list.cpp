// corpus/input_list.cpp
#include "corpus/input_list.h"

#include <algorithm>
#include <fstream>

#include "base/require.h"
#include "base/text.h"
#include "corpus/schema.h"
#include "corpus/text_reader.h"
#include "corpus/utf8.h"

namespace isogloss {
namespace {

namespace fs = std::filesystem;

std::vector<fs::directory_entry> entries_of(fs::path const& folder) {
    std::error_code error;
    std::vector<fs::directory_entry> entries;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        entries.push_back(*at);
    }
    require_data(!error, "{}: cannot be listed: {}", folder.string(), error.message());
    std::ranges::sort(entries);
    return entries;
}

// Manifests and messages hold names of files, and are UTF-8.
void check_name(fs::path const& path) {
    require_data(is_utf8(path.native()), "{}: its name is not UTF-8; rename it", path.string());
    require_data(
        path.extension() != ".parquet",
        "{}: Parquet is not read here; data/parquet turns it into .jsonl.zst", path.string()
    );
}

void add_file(LanguageInput& language, fs::path const& path) {
    check_name(path);
    require_data(
        is_text_file(path), "{}: neither .txt nor .jsonl (plain, .gz, .xz or .zst)", path.string()
    );
    language.files.push_back(path);
}

void add_folder_of_files(LanguageInput& language, fs::path const& folder) {
    auto const before = language.files.size();
    for (auto const& entry : entries_of(folder)) {
        check_name(entry.path());
        if (is_text_file(entry.path())) {
            language.files.push_back(entry.path());
        }
    }
    require_data(
        language.files.size() > before, "{}: holds no .txt or .jsonl file", folder.string()
    );
}

void add_path(LanguageInput& language, fs::path const& path) {
    std::error_code ignored;
    auto const status = fs::status(path, ignored);
    require_data(
        fs::exists(status), "{}: the text of {} is not there", path.string(), language.tag
    );
    if (fs::is_directory(status)) {
        add_folder_of_files(language, path);
    } else {
        add_file(language, path);
    }
}

void add_list(LanguageInput& language, fs::path const& list) {
    std::ifstream file(list);
    require_data(file.is_open(), "{}: the list of files cannot be opened", list.string());
    auto const before = language.files.size();
    for (std::string line; std::getline(file, line);) {
        auto const name = without_blanks(line);
        if (!name.empty() && name.front() != '#') {
            add_path(language, list.parent_path() / name);
        }
    }
    require_data(file.eof(), "{}: reading failed", list.string());
    require_data(language.files.size() > before, "{}: names no file", list.string());
}

// What stands behind TAG=, or after it.
void add_word(LanguageInput& language, std::string const& word) {
    if (word.starts_with('@')) {
        add_list(language, word.substr(1));
    } else {
        add_path(language, word);
    }
}

std::string first_part(fs::path const& path) {
    auto const name = path.filename().string();
    return name.substr(0, name.find('.'));
}

// Files that belong to no language (a licence, a list of sources) may lie beside the others.
void add_folder(std::vector<LanguageInput>& languages, fs::path const& folder) {
    require_data(fs::is_directory(folder), "{}: is not a folder", folder.string());
    auto const before = languages.size();
    for (auto const& entry : entries_of(folder)) {
        auto const& path = entry.path();
        auto const tag = first_part(path);
        if (!is_language_tag(tag)) {
            continue;
        }
        if (entry.is_directory()) {
            languages.push_back({.tag = tag, .files = {}});
            add_folder_of_files(languages.back(), path);
        } else if (is_text_file(path) || path.extension() == ".parquet") {
            languages.push_back({.tag = tag, .files = {}});
            add_file(languages.back(), path);
        }
    }
    require_data(
        languages.size() > before, "{}: holds no file TAG.txt or TAG.jsonl and no folder TAG",
        folder.string()
    );
}

LanguageInput named(std::string const& word, std::size_t equals) {
    LanguageInput language{.tag = word.substr(0, equals), .files = {}};
    require_usage(
        is_language_tag(language.tag),
        "input {}: \"{}\" is not a BCP 47 language tag (el, zh-Hant, sr-Latn)", word, language.tag
    );
    add_word(language, word.substr(equals + 1));
    return language;
}

}  // namespace

std::vector<LanguageInput> read_input_list(std::vector<std::string> const& words) {
    std::vector<LanguageInput> languages;
    bool has_tag = false;
    for (auto const& word : words) {
        auto const equals = word.find('=');
        if (equals != std::string::npos) {
            languages.push_back(named(word, equals));
            has_tag = true;
        } else if (has_tag) {
            add_word(languages.back(), word);
        } else {
            add_folder(languages, word);
        }
    }
    require_usage(
        !languages.empty(), "input names no text; it takes TAG=PATH[,PATH...] or a folder"
    );
    std::ranges::sort(languages, {}, &LanguageInput::tag);
    auto const twice = std::ranges::adjacent_find(languages, {}, &LanguageInput::tag);
    require_usage(
        twice == languages.end(), "input: {} comes twice; give all its paths at once, with commas",
        twice == languages.end() ? "" : twice->tag
    );
    return languages;
}

}  // namespace isogloss

// corpus/input_list.cpp
#include "corpus/input_list.h"

#include <algorithm>

#include "base/require.h"
#include "corpus/schema.h"
#include "corpus/text_reader.h"

namespace isogloss {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> entries_of(fs::path const& folder) {
    std::error_code error;
    std::vector<fs::path> entries;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        entries.push_back(at->path());
    }
    require_data(!error, "{}: cannot be listed: {}", folder.string(), error.message());
    std::ranges::sort(entries);
    return entries;
}

void add_path(LanguageInput& language, fs::path const& path) {
    require_data(fs::exists(path), "{}: the text of {} is not there", path.string(), language.tag);
    if (!fs::is_directory(path)) {
        require_data(
            is_text_file(path), "{}: neither .txt nor .jsonl (plain, .gz, .xz or .zst)",
            path.string()
        );
        language.files.push_back(path);
        return;
    }
    auto const before = language.files.size();
    std::ranges::copy_if(entries_of(path), std::back_inserter(language.files), is_text_file);
    require_data(language.files.size() > before, "{}: holds no .txt or .jsonl file", path.string());
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
        auto const tag = first_part(entry);
        if (is_language_tag(tag) && (fs::is_directory(entry) || is_text_file(entry))) {
            languages.push_back({.tag = tag, .files = {}});
            add_path(languages.back(), entry);
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
    add_path(language, word.substr(equals + 1));
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
            add_path(languages.back(), word);
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

// corpus/input_pieces.cpp
#include "corpus/input_pieces.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/json.h"
#include "base/require.h"
#include "corpus/byte_source.h"

namespace isogloss {
namespace {

namespace fs = std::filesystem;

FileRange whole_file(fs::path const& path) {
    std::error_code error;
    fs::directory_entry const entry(path, error);
    require_data(!error && entry.is_regular_file(), "{}: is not a file", path.string());
    auto const bytes = static_cast<std::int64_t>(entry.file_size());
    return {
        .file = fs::absolute(path),
        .file_bytes = bytes,
        .modified = entry.last_write_time().time_since_epoch().count(),
        .begin = 0,
        .end = bytes,
    };
}

void add_file(LanguageText& text, FileRange file, std::int64_t piece_bytes) {
    if (file.file_bytes > piece_bytes && compression_of(file.file) == Compression::none) {
        for (std::int64_t begin = 0; begin < file.file_bytes; begin += piece_bytes) {
            file.begin = begin;
            file.end = std::min(file.file_bytes, begin + piece_bytes);
            text.pieces.push_back({{file}});
        }
        return;
    }
    bool const fits =
        !text.pieces.empty() && text.pieces.back().bytes() + file.file_bytes <= piece_bytes;
    if (!fits) {
        text.pieces.emplace_back();
    }
    text.pieces.back().ranges.push_back(std::move(file));
}

std::string source_of(LanguageInput const& language) {
    constexpr std::size_t kNames = 8;  // an attribute of HDF5 has 64 KiB at most
    auto const& files = language.files;
    std::string names;
    for (std::size_t i = 0; i < std::min(files.size(), kNames); ++i) {
        names += (names.empty() ? "" : " ") + files[i].filename().string();
    }
    return files.size() <= kNames ? names
                                  : fmt::format("{} and {} more", names, files.size() - kNames);
}

}  // namespace

std::int64_t InputPiece::bytes() const {
    return std::accumulate(
        ranges.begin(), ranges.end(), std::int64_t{0},
        [](auto sum, auto const& range) { return sum + range.end - range.begin; }
    );
}

std::int64_t LanguageText::bytes() const {
    return std::accumulate(
        pieces.begin(), pieces.end(), std::int64_t{0},
        [](auto sum, auto const& piece) { return sum + piece.bytes(); }
    );
}

std::vector<LanguageText> cut_input(
    std::vector<LanguageInput> const& languages, std::int64_t piece_bytes
) {
    require(piece_bytes > 0, "pieces of {} bytes", piece_bytes);
    std::vector<LanguageText> texts;
    for (auto const& language : languages) {
        texts.push_back({.tag = language.tag, .source = source_of(language), .pieces = {}});
        for (auto const& file : language.files) {
            add_file(texts.back(), whole_file(file), piece_bytes);
        }
    }
    return texts;
}

std::string to_text(std::vector<LanguageText> const& languages) {
    Json value = Json::array();
    for (auto const& language : languages) {
        Json pieces = Json::array();
        for (auto const& piece : language.pieces) {
            Json ranges = Json::array();
            for (auto const& range : piece.ranges) {
                ranges.push_back(
                    {range.file.string(), range.file_bytes, range.modified, range.begin, range.end}
                );
            }
            pieces.push_back(ranges);
        }
        value.push_back({language.tag, language.source, pieces});
    }
    return value.dump();
}

std::vector<LanguageText> language_texts(std::string const& text) {
    std::vector<LanguageText> languages;
    for (auto const& entry : Json::parse(text)) {
        languages.push_back({.tag = entry.at(0), .source = entry.at(1), .pieces = {}});
        for (auto const& ranges : entry.at(2)) {
            auto& piece = languages.back().pieces.emplace_back();
            for (auto const& range : ranges) {
                piece.ranges.push_back({
                    .file = range.at(0).get<std::string>(),
                    .file_bytes = range.at(1),
                    .modified = range.at(2),
                    .begin = range.at(3),
                    .end = range.at(4),
                });
            }
        }
    }
    return languages;
}

}  // namespace isogloss

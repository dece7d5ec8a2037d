// corpus/input_pieces.h - text cut into pieces of about equal size, which ranks take.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "corpus/input_list.h"

namespace isogloss {

/// Bytes [begin, end) of a file that has `file_bytes`.
struct FileRange {
    std::filesystem::path file;
    std::int64_t file_bytes = 0;
    std::int64_t modified = 0;  ///< the file's time, in the file system's ticks
    std::int64_t begin = 0;
    std::int64_t end = 0;

    bool operator==(FileRange const&) const = default;
};

/// Text that one rank tokenizes: a range of a large file, or a few small files.
struct InputPiece {
    std::vector<FileRange> ranges;

    [[nodiscard]] std::int64_t bytes() const;
    bool operator==(InputPiece const&) const = default;
};

/// One language's text, its pieces in order.
struct LanguageText {
    std::string tag;     ///< BCP 47
    std::string source;  ///< names of the first files, for people
    std::vector<InputPiece> pieces;

    [[nodiscard]] std::int64_t bytes() const;
    bool operator==(LanguageText const&) const = default;
};

inline constexpr std::int64_t kInputPieceBytes = std::int64_t{64} << 20;

/// Cuts plain files that are longer than `piece_bytes` at its multiples; compressed files stay
/// whole; files that follow one another go together up to `piece_bytes`. So the pieces are a
/// function of names and sizes. Asks the file system once for each file: one rank calls it, and
/// gives the others the answer.
/// @throws Error  (data) naming a file that is missing
std::vector<LanguageText> cut_input(
    std::vector<LanguageInput> const& languages, std::int64_t piece_bytes
);

/// To send it to other ranks, and back.
std::string to_text(std::vector<LanguageText> const& languages);
std::vector<LanguageText> language_texts(std::string const& text);

}  // namespace isogloss

// corpus/language_file.h - the parts of a language joined into its one HDF5 file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "corpus/corpus_part.h"
#include "corpus/schema.h"

namespace isogloss {

/// Whether a document whose text came before in the same language stays.
enum class Duplicates : std::uint8_t { drop, keep };

/// What becomes of a document.
enum class Fate : std::uint8_t { train, valid, duplicate };

/// The fate of every document of the parts, in order: the first of equal texts stays. Adds to
/// record.splits and record.duplicates.
///
/// Memory: 1 byte a document, and 64/3 while duplicates are looked for.
std::vector<Fate> fates_of(
    std::vector<std::filesystem::path> const& parts,
    double valid_share,
    Duplicates duplicates,
    LanguageRecord& record
);

/// Writes FOLDER/TAG.h5 by way of FOLDER/TAG.h5.partial and puts its bytes and hash into `record`,
/// whose other members must be there. Memory: two pieces of 8 MiB.
/// @param fates  as fates_of gave them for the same parts
void write_language_file(
    std::vector<std::filesystem::path> const& parts,
    std::vector<Fate> const& fates,
    Tokenizer const& tokenizer,
    std::filesystem::path const& folder,
    LanguageRecord& record
);

}  // namespace isogloss

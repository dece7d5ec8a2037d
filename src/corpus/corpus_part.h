// corpus/corpus_part.h - one piece of text, tokenized: what a rank makes of a language at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "corpus/faults.h"
#include "corpus/input_pieces.h"
#include "corpus/text_hash.h"
#include "corpus/text_reader.h"
#include "corpus/tokenizer.h"

namespace isogloss {

/// A part is three files. PART.json is written last: a part without it is made again.
///
///     PART.tokens     u16 or u32, raw: of all documents, each with its separator first
///     PART.documents  a DocumentEntry of each, raw
///     PART.json       the PartRecord
struct PartRecord {
    std::string fingerprint;  ///< of everything that the part depends on
    std::int64_t documents = 0;
    std::int64_t tokens = 0;
    std::int64_t records = 0;
    FaultCounts faults;
};

/// What joining needs to know of a document; splits and duplicates are settled there, so that a
/// part depends on neither.
struct DocumentEntry {
    TextHash hash;
    std::int64_t tokens = 0;  ///< separator included
    std::int64_t bytes = 0;
    std::int64_t words = 0;
    std::int64_t characters = 0;
    std::int64_t unspaced = 0;
};

/// What a part is made from.
struct PartPlan {
    InputPiece piece;
    std::filesystem::path part;  ///< path without the endings
    std::string fingerprint;
    TextFormat format;
    std::function<bool()> stop{};  ///< asked after each document; may be empty
};

/// Bytes of an id on disk: 2 up to 65,536 ids, else 4.
constexpr std::int64_t token_bytes(std::int32_t vocab_size) {
    return vocab_size <= 65536 ? 2 : 4;
}

/// Tokenizes a piece, unless a finished part of the same fingerprint is there. Asked to stop, it
/// leaves a part that is not finished. Memory is that of TextReader and of the tokens of one
/// record.
/// @param advance  called now and then with the bytes of the files that were read since
/// @throws Error  (data) when a file is no longer as it was when the input was listed
void make_part(
    PartPlan const& plan,
    Tokenizer const& tokenizer,
    std::function<void(std::int64_t)> const& advance
);

/// Is the part there, whole and of this fingerprint?
bool is_finished(
    std::filesystem::path const& part, std::string const& fingerprint, std::int64_t token_width
);

/// @throws Error  (data) when the part is not there, or its record is not whole
PartRecord read_part(std::filesystem::path const& part);

/// Reads raw elements of a part's file in pieces, from front to back.
class PartReader {
public:
    /// @throws Error  (data) when the file cannot be opened
    explicit PartReader(std::filesystem::path path);

    /// @throws Error  (data) when the file ends before `bytes` are read
    void read(void* out, std::int64_t bytes);
    void skip(std::int64_t bytes);

private:
    std::filesystem::path path_;
    std::ifstream file_;
};

/// "PART.tokens", "PART.documents", "PART.json"
std::filesystem::path part_tokens(std::filesystem::path const& part);
std::filesystem::path part_documents(std::filesystem::path const& part);
std::filesystem::path part_record(std::filesystem::path const& part);
void remove_part(std::filesystem::path const& part);

}  // namespace isogloss

// corpus/corpus_part.h - one text file, tokenized: the piece of a language that one rank makes.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "corpus/schema.h"
#include "corpus/text_reader.h"
#include "corpus/tokenizer.h"

namespace isogloss {

/// What a finished part holds. It stands in PART.json, written last: a part without it is redone.
///
///     PART.train.tokens   u16 or u32, raw     PART.train.lengths   i64 tokens of each document
///     PART.valid.tokens                       PART.valid.lengths
struct PartRecord {
    std::string fingerprint;  ///< of everything that the part depends on
    std::array<SplitCounts, kSplits> splits;
    std::int64_t records = 0;
    FaultCounts faults;
};

/// What a part is made from.
struct PartPlan {
    std::filesystem::path text;
    std::filesystem::path part;  ///< path without the endings
    std::string fingerprint;
    TextFormat format;
    double valid_share = 0.0;
};

/// Bytes of an id on disk: 2 up to 65,536 ids, else 4.
constexpr std::int64_t token_bytes(std::int32_t vocab_size) {
    return vocab_size <= 65536 ? 2 : 4;
}

/// In which split a document is: a function of its text alone, so that it stays there when the
/// corpus grows. valid if the first 53 bits of the text's SHA-256, as a fraction, are below
/// `share`.
Split split_of(std::string const& document, double valid_share);

/// Tokenizes a file, unless a finished part of the same fingerprint is there. Memory is bounded by
/// the longest record.
/// @param advance  called now and then with the bytes of the file that were read since
void make_part(
    PartPlan const& plan,
    Tokenizer const& tokenizer,
    std::function<void(std::int64_t)> const& advance
);

/// @throws Error  (data) when the part is not there, or not whole
PartRecord read_part(std::filesystem::path const& part);

/// "PART.train.tokens"
std::filesystem::path part_tokens(std::filesystem::path const& part, Split split);
std::filesystem::path part_lengths(std::filesystem::path const& part, Split split);
void remove_part(std::filesystem::path const& part);

}  // namespace isogloss

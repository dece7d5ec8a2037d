// corpus/batch.h - rows of tokens with their targets and document borders, as a model takes them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "device/buffer.h"

namespace isogloss {

/// A target that no loss counts: beyond the end of a stream.
inline constexpr std::int32_t kNoTarget = -1;

/// B rows of T tokens, N = B T, row after row, in host memory. Every row has one language. A row is
/// T + 1 consecutive tokens of a stream of documents, each of which begins with the separator:
/// inputs are the first T of them, targets the last T. B may be 0: the rank still takes part.
struct Batch {
    std::int64_t rows = 0;          ///< B
    std::int64_t row_length = 0;    ///< T
    Buffer<std::int32_t> tokens;    ///< [N] ids in [0, vocabulary)
    Buffer<std::int32_t> targets;   ///< [N] id of the next token, or kNoTarget
    Buffer<std::int32_t> position;  ///< [N] index in the document, or in the part of it in this row
    Buffer<std::int32_t> document_start;  ///< [N] index in the row where the token's document, or
                                          ///< its part in this row, begins; never falls in a row
    std::vector<std::int32_t> language;   ///< [B] index into the corpus' list of languages
    std::int64_t counted_targets = 0;     ///< targets that are not kNoTarget
    std::int64_t step = 0;                ///< which global batch these rows are of
    std::int64_t micro_batch = 0;         ///< which of this rank's parts of it

    [[nodiscard]] std::int64_t size() const { return rows * row_length; }
};

/// A batch of `rows` rows with all buffers made and nothing in them.
Batch make_batch(std::int64_t rows, std::int64_t row_length);

/// Fills row `row` from consecutive tokens of a stream.
///
/// Inputs beyond the given tokens are separators and targets beyond them kNoTarget; a document
/// starts at each separator and at the start of the row.
///
/// @param stream     up to T + 1 tokens, at least 1
/// @param separator  the token that begins a document
/// @param language   index into the corpus' list
void fill_row(
    Batch& batch,
    std::int64_t row,
    std::span<std::int32_t const> stream,
    std::int32_t separator,
    std::int32_t language
);

}  // namespace isogloss

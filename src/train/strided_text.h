// train/strided_text.h - held-out documents in one stream, read through a window that moves on.
#pragma once

#include <cstdint>
#include <vector>

#include "corpus/batch.h"
#include "corpus/corpus.h"

namespace isogloss {

/// What stands between two documents.
enum class Joint : std::uint8_t {
    separator,   ///< the token that begins each document in the corpus; the first one has it too
    blank_line,  ///< the tokens of "\n\n", nothing before the first: as DMoE's code joins them
};

/// How the tokens of a window are weighed.
enum class WindowWeighting : std::uint8_t {
    exact,     ///< each predicted token counts once
    released,  ///< the mean of a window's n predicted tokens counts n - 1 times, but n times in the
               ///< first window: the recipe for strided perplexity of Hugging Face that DMoE's code
               ///< follows takes one label off for the shift, which only the first window loses
};

struct StridedConfig {
    std::int64_t documents = 100;  ///< of each language; all where it has fewer
    std::uint64_t seed = 0;        ///< of their order
    std::int64_t window = 2048;    ///< W, tokens
    std::int64_t stride = 1024;    ///< S < W, tokens
    Joint joint = Joint::separator;
    WindowWeighting weighting = WindowWeighting::exact;

    bool operator==(StridedConfig const&) const = default;
};

/// The first `wanted` of documents 0 to `documents` - 1 in a random order: each index has a random
/// key that depends on the seed alone, smallest first. So languages with the same documents in the
/// same places (translations) get the same ones, whatever else is in their corpora.
std::vector<std::int64_t> random_documents(
    std::int64_t documents, std::int64_t wanted, std::uint64_t seed
);

struct JoinedText {
    std::vector<std::int32_t> tokens;
    double bytes_of_text = 0.0;  ///< UTF-8, of the documents and of what joins them
    std::int64_t documents = 0;
};

/// Random documents of a language's split, one after the other.
/// @throws Error  (data) when the corpus' copy of its tokenizer cannot be read
JoinedText join_documents(
    Corpus const& corpus, std::int32_t language, Split split, StridedConfig const& config
);

/// Windows of W tokens, the next one S tokens on, the last one cut at the stream's end:
///
///     window w = tokens [w S, min(w S + W, n)), up to the first that ends at n
///
/// A window's targets are the tokens that no earlier window had: each token but the first is
/// predicted once, from at least the W - S tokens before it (fewer near the stream's start), across
/// the borders of documents. So the code of DMoE (arXiv:2506.12388) measures perplexity.
class StridedWindows {
public:
    StridedWindows(
        std::vector<std::int32_t> tokens, StridedConfig const& config, std::int32_t language
    );

    /// Windows; 0 when there are fewer than 2 tokens.
    [[nodiscard]] std::int64_t rows() const { return rows_; }
    /// Windows of W tokens: all, or all but the last.
    [[nodiscard]] std::int64_t full_rows() const;
    /// Windows [first, first + count), which must have one length L: inputs are their first L - 1
    /// tokens, targets the last L - 1, kNoTarget where an earlier window had the token.
    [[nodiscard]] Batch read(std::int64_t first, std::int64_t count) const;

private:
    [[nodiscard]] std::int64_t begin_of(std::int64_t row) const { return row * stride_; }
    [[nodiscard]] std::int64_t end_of(std::int64_t row) const;

    std::vector<std::int32_t> tokens_;
    std::int64_t window_;
    std::int64_t stride_;
    std::int32_t language_;
    std::int64_t rows_ = 0;
};

}  // namespace isogloss

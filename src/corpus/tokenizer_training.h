// corpus/tokenizer_training.h - a SentencePiece model from a balanced sample of text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "corpus/input_list.h"
#include "corpus/text_reader.h"

namespace isogloss {

struct TokenizerTraining {
    std::int32_t vocab_size = 8000;
    /// Languages' shares of the sample are n^(1/temperature), n their bytes of text: 1 by size,
    /// large even.
    double temperature = 5.0;
    std::int64_t sample_bytes = std::int64_t{4} << 20;     ///< of text, over all languages
    std::int64_t language_bytes = std::int64_t{64} << 20;  ///< read of each language at most
    std::uint64_t seed = 1;
    TextFormat format{};
    std::function<bool()> stop{};  ///< asked while text is read; may be empty
};

/// Trains byte-pair encoding with byte fallback, no normalisation and no added space, so that every
/// text comes back exactly. Same input, same model, byte for byte.
///
/// Lines are drawn at random, each with the probability that gives its language its share.
/// Kudo & Richardson 2018, arXiv:1808.06226; Sennrich et al. 2016, arXiv:1508.07909.
/// False, with nothing written, when asked to stop while text was read: SentencePiece itself asks
/// nobody.
/// @throws Error  (usage) when the text cannot fill the vocabulary or needs a larger one;
///                (data) when there is no text
bool train_tokenizer(
    std::vector<LanguageInput> const& languages,
    TokenizerTraining const& training,
    std::filesystem::path const& out
);

}  // namespace isogloss

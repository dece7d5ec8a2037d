// corpus/unigram.h - the likeliest tokens of a word.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/pair_table.h"
#include "corpus/tokenizer_json.h"
#include "corpus/vocabulary.h"

namespace isogloss {

/// Of all ways to cut a word into tokens the one with the highest sum of scores, by Viterbi's
/// algorithm; of equal ones that whose last token begins first. A character without a token scores
/// 10 below the lowest; neighbours of the kind are one unknown token, or bytes with byte_fallback.
/// Kudo 2018, arXiv:1804.10959.
class Unigram {
public:
    /// What an encoding writes to; used again for the next word.
    struct Space {
        struct Node {
            double score = 0.0;
            std::size_t begin = 0;  ///< of the best token that ends here
            std::int32_t id = -1;   ///< that token; -1: none ends here
        };
        std::vector<Node> nodes;
        std::vector<std::int32_t> ids;  ///< of the word from its end
    };

    /// @throws Error  (data) that names what is not understood or does not fit together
    Unigram(TokenizerJson const& json, std::string const& where);

    /// Appends the ids of a word.
    /// @throws Error  (data) for a character without a token when there is no unknown token
    void encode(std::string_view word, Space& space, std::vector<std::int32_t>& out) const;

    [[nodiscard]] Vocabulary const& vocabulary() const { return vocabulary_; }

private:
    void add_to_trie(std::string_view token, std::int32_t id);
    void extend(std::string_view word, std::size_t begin, Space& space) const;
    void add_unknown(std::string_view text, std::vector<std::int32_t>& out) const;

    std::string where_;
    Vocabulary vocabulary_;
    std::vector<double> scores_;
    PairTable edges_;                    // (node, byte) -> node
    std::vector<std::int32_t> at_node_;  // the token that ends at the node, or -1
    std::vector<std::int32_t> bytes_;    // id of each byte's token, -1 without
    std::int32_t unknown_ = -1;
    double unknown_score_ = 0.0;
    bool falls_back_ = false;
};

}  // namespace isogloss

// corpus/tokenizer_json.h - the content of a tokenizer.json, read without trust.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace isogloss {

/// The long lists are kept apart from the rest, as they come: a JSON tree of them would take ten
/// times their size.
struct TokenizerJson {
    Json rest;  ///< all but model.vocab and model.merges
    std::vector<std::pair<std::string, std::int64_t>> tokens;  ///< BPE: text and id
    std::vector<std::pair<std::string, double>> scores;  ///< Unigram: text and score; id = index
    std::vector<std::pair<std::string, std::string>> merges;  ///< BPE: by rank
};

/// @param file   the whole content
/// @param where  the file's name, for errors
/// @throws Error  (data) when it is no JSON, too deep (64), has an object of over 10,000 keys
///         beside the vocabulary, or lists of another form
TokenizerJson read_tokenizer_json(std::string_view file, std::string const& where);

}  // namespace isogloss

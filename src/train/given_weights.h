// train/given_weights.h - data.weights as a user gives them: a share of the rows for each language.
#pragma once

#include <string>
#include <vector>

namespace isogloss {

struct GivenWeights {
    std::vector<std::string> tags;
    std::vector<double> weights;      ///< one a tag, above 0
    std::vector<std::string> faults;  ///< what is wrong with the words, a sentence each
};

/// Reads "TAG=WEIGHT" for each of `languages`, in any order, or as many plain numbers as there are
/// languages, in their order. Where `languages` is empty the words name them.
GivenWeights read_given_weights(
    std::vector<std::string> const& words, std::vector<std::string> const& languages
);

/// The words of a list whose only one is "@FILE": TAG=WEIGHT for each line "TAG WEIGHT" (or
/// "TAG=WEIGHT") of the file; `#` begins a comment. Other lists stay as they are.
/// @throws Error  (usage) naming the file, and the line that is neither
std::vector<std::string> words_of_file(std::vector<std::string> const& words);

}  // namespace isogloss

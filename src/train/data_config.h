// train/data_config.h - which text a run reads, in which shares and order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/options.h"
#include "train/rules.h"

namespace isogloss {

/// Which rule lays the rows out.
enum class OrderRule : std::uint8_t { mixture, group_chunks };

/// Which text, in which shares and order.
struct DataConfig {
    std::filesystem::path corpus;
    std::vector<std::string> languages;         ///< BCP 47 tags; empty: all of the corpus
    std::vector<std::string> weights;           ///< see given_weights.h; empty: by another rule
    double temperature = 1.0;                   ///< share ~ tokens^(1/temperature)
    std::optional<double> alpha;                ///< share ~ bytes of text^alpha, instead
    std::optional<double> unimax;               ///< even shares, at most so many epochs, instead
    std::vector<std::string> replay_languages;  ///< old languages mixed in
    double replay_share = 0.0;                  ///< of all rows, over the replay languages together
    std::int64_t documents = 0;                 ///< first ones of each language; 0: all
    std::int64_t replay_documents = 0;          ///< first ones of each replay language; 0: all
    std::vector<std::string> old_languages;     ///< empty: see old_languages()
    OrderRule order = OrderRule::mixture;
    std::int64_t chunk_rows = 64;   ///< group_chunks: consecutive rows of one group
    std::int64_t group_budget = 0;  ///< group_chunks: tokens of a group's text; 0: what there is
};

/// Adds every field as an option of [data]. Parsing puts the words of a weights file into
/// data.weights, and the languages that these name into data.languages.
/// @param needs  whether data.corpus must be given
void describe(Options& options, DataConfig& data, Presence needs);

/// @param slice_rows  rows of a micro-batch, over all ranks
void check(DataConfig const& data, std::int64_t slice_rows, Rules& rules);

}  // namespace isogloss

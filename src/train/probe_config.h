// train/probe_config.h - what a probe of languages is to do.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "train/config.h"

namespace isogloss {

/// Which matrices of a feed-forward count in its deviation norm.
enum class FfnWeights : std::uint8_t {
    all,
    up_down,  ///< without the gate: as released for Gemma
};
/// What to do with a language whose text is too short.
enum class SmallLanguages : std::uint8_t { refuse, skip };
/// What to do with a file that another base, text or option made.
enum class StaleFiles : std::uint8_t { refuse, redo };
/// Whether a run ends with the results over its languages. Runs that share languages out leave them
/// to a last one over all: two that write one file at a time would be in each other's way.
enum class ProbeResults : std::uint8_t { write, leave };

/// DMoE's probe (arXiv:2506.12388); the defaults are the paper's. AdamW with 0.9, 0.999, 1e-8, no
/// weight decay, clipping at 1; the learning rate falls linearly to 0 without warm-up.
struct ProbeConfig {
    std::filesystem::path from;          ///< dense checkpoint
    std::filesystem::path corpus;        ///< folder that `corpus build` made
    std::filesystem::path out;           ///< folder of the languages' files and of the two results
    std::vector<std::string> languages;  ///< tags; empty: all of the corpus
    std::int64_t documents = 30000;      ///< first ones of each language; 0: all
    std::int64_t steps = 10;
    std::int64_t rows = 2048;     ///< a step
    std::int64_t micro_rows = 8;  ///< of one forward and backward, over the ranks of a language
    std::int64_t row_length = 512;
    std::int64_t seed = 42;
    float learning_rate = 8e-6F;
    /// Last ones, whose deviation vectors are compared; 0: 3, or all of a model that has fewer.
    std::int64_t similarity_layers = 0;
    FfnWeights ffn_weights = FfnWeights::all;
    std::int64_t ranks_per_language = 1;
    SmallLanguages small = SmallLanguages::refuse;
    StaleFiles stale = StaleFiles::refuse;
    ProbeResults results = ProbeResults::write;
};

/// Every rule the config breaks, one sentence each.
std::vector<std::string> problems(ProbeConfig const& config, int num_ranks);

/// The ordinary run of training that the probe of one language is: `isogloss train` with these
/// options gives the same weights.
RunConfig probe_run(ProbeConfig const& config, std::string const& language);

}  // namespace isogloss

// train/config.h - the numbers of one training run, with defaults that work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/options.h"
#include "model/config.h"
#include "optim/schedule.h"

namespace isogloss {

/// How the parameters move.
struct TrainConfig {
    std::int64_t steps = 1000;       ///< updates in all, counted from the starting checkpoint
    std::int64_t rows = 32;          ///< rows a step, over all ranks
    std::int64_t micro_rows = 0;     ///< rows of one forward and backward, over all ranks; 0: rows
    std::int64_t row_length = 512;   ///< T, tokens a row
    std::int64_t seed = 1;           ///< of the data order
    float learning_rate = 3e-4F;     ///< highest
    float min_learning_rate = 0.1F;  ///< at the end, as a share of the highest
    std::int64_t warmup_steps = 20;
    Decay schedule = Decay::cosine;  ///< after the warm-up
    float beta1 = 0.9F;
    float beta2 = 0.95F;
    float epsilon = 1e-8F;
    float weight_decay = 0.1F;
    float clip_norm = 1.0F;  ///< 0: no clipping
    float balance_coef = 0.01F;
    std::string trainable = "stored";  ///< stored, all, experts, routers or backbone
    bool recompute = false;
    std::int32_t max_not_finite = 5;        ///< steps in a row that are not finite before giving up
    std::int64_t evaluate_every = 0;        ///< steps; 0: only at the end
    std::int64_t evaluate_tokens = 100000;  ///< at most this many a language; 0: all
    std::int64_t checkpoint_every = 0;      ///< steps; 0: only at the end
    std::int64_t log_every = 1;             ///< steps between lines of log.txt

    /// Rows of one forward and backward over all ranks.
    [[nodiscard]] std::int64_t slice_rows() const { return micro_rows > 0 ? micro_rows : rows; }
    [[nodiscard]] std::int64_t num_slices() const { return rows / slice_rows(); }
};

/// Which text, in which shares.
struct DataConfig {
    std::filesystem::path corpus;
    std::vector<std::string> languages;         ///< BCP 47 tags; empty: all of the corpus
    std::vector<double> weights;                ///< one a language; empty: by temperature
    double temperature = 1.0;                   ///< share ~ tokens^(1/temperature)
    std::vector<std::string> replay_languages;  ///< old languages mixed in
    double replay_share = 0.0;                  ///< of all rows, over the replay languages together
};

/// A whole run, as `isogloss train` takes it.
struct RunConfig {
    std::filesystem::path out;   ///< run directory
    std::filesystem::path from;  ///< checkpoint to start from
    std::string resume =
        "latest";  ///< latest: go on where the run directory ends; never: refuse one
    DataConfig data;
    TrainConfig train;
};

/// Adds every field as an option: [run], [data] and [train] of a run file.
void describe(Options& options, RunConfig& run);

/// Every rule the config breaks, one sentence each, naming the key as the user writes it.
std::vector<std::string> problems(RunConfig const& run, int num_ranks);

/// Sets the model's trainable flags as train.trainable asks; "stored" keeps those of the
/// checkpoint.
/// @throws Error  (usage) for another word
void apply_trainable(std::string const& rule, ModelConfig& model);

}  // namespace isogloss

// train/config.h - the numbers of one training run, with defaults that work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/options.h"
#include "comm/rank_device.h"
#include "model/config.h"
#include "model/pass.h"
#include "optim/schedule.h"
#include "train/data_config.h"

namespace isogloss {

/// Whether layers that have a classifier ask it.
enum class Classifiers : std::uint8_t {
    off,
    on,
    automatic,  ///< on where train.classifier-coef trains them
};

/// Who writes checkpoints.
enum class CheckpointWriting {
    background,  ///< a thread, while training goes on
    wait,        ///< the loop itself: needs less memory
};

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
    double warmup_ratio = 0.0;       ///< above 0: ceil of this share of the steps, instead
    Decay schedule = Decay::cosine;  ///< after the warm-up
    float beta1 = 0.9F;
    float beta2 = 0.95F;
    float epsilon = 1e-8F;
    float weight_decay = 0.1F;
    float clip_norm = 1.0F;  ///< 0: no clipping
    RoutingMode routing = RoutingMode::top_k;
    double balance_coef = 0.01;  ///< of soft routing
    BalanceScale balance_scale = BalanceScale::one;
    double classification_coef = 0.0;
    double priors_coef = 0.0;
    PriorsForm priors_form = PriorsForm::plain;
    PriorsMean priors_mean = PriorsMean::tokens;
    double classifier_coef = 0.0;
    Classifiers classifiers = Classifiers::automatic;
    ClassOneExperts class_one_experts = ClassOneExperts::all;
    std::string trainable = "stored";  ///< a word of apply_trainable()
    bool recompute = false;
    std::int32_t max_not_finite = 5;        ///< steps in a row that are not finite before giving up
    std::int64_t evaluate_every = 0;        ///< steps; 0: only at the end
    std::int64_t evaluate_tokens = 100000;  ///< at most this many a language; 0: all
    std::int64_t checkpoint_every = 0;      ///< steps; 0: not by their number
    double checkpoint_minutes = 30.0;       ///< 0: not by the clock
    CheckpointWriting checkpoint_writing = CheckpointWriting::background;
    std::int64_t keep_last = 3;   ///< newest checkpoints that a run keeps; 0: all
    std::int64_t keep_every = 0;  ///< and those of steps that it divides; 0: no others
    std::int64_t log_every = 1;   ///< steps between lines of log.txt

    /// Rows of one forward and backward over all ranks.
    [[nodiscard]] std::int64_t slice_rows() const { return micro_rows > 0 ? micro_rows : rows; }
    [[nodiscard]] std::int64_t num_slices() const { return rows / slice_rows(); }
    /// Steps of the warm-up, by their number or by their share.
    [[nodiscard]] std::int64_t warmup() const;
    /// Do layers with a classifier ask it?
    [[nodiscard]] bool classify() const;
};

/// A whole run, as `isogloss train` takes it.
struct RunConfig {
    std::filesystem::path out;   ///< run directory
    std::filesystem::path from;  ///< checkpoint to start from
    std::string resume =
        "latest";  ///< latest: go on where the run directory ends; never: refuse one
    RankDevice device;
    DataConfig data;
    TrainConfig train;
};

/// Adds every field as an option: [run], [data] and [train] of a run file.
/// @param needs  whether run.out, run.from and data.corpus must be given
void describe(Options& options, RunConfig& run, Presence needs = Presence::required);

/// Every rule the config breaks, one sentence each, naming the key as the user writes it.
std::vector<std::string> problems(RunConfig const& run, int num_ranks);

/// Sets the model's trainable flags as train.trainable asks. Routers means classifiers too.
///
///     stored               what the checkpoint says
///     all                  everything: DMoE's hard and soft stage
///     experts              the experts that the checkpoint trains, and routers
///     new-experts          experts of the newest generation, and routers: MoE-LPR's and LayerMoE's
///                          first stage, DMoE's adaptation by its figure
///     experts-and-routers  all experts and routers: DMoE's adaptation as released
///     routers              nothing else: review
///     backbone             nothing else
/// @throws Error  (usage) for another word, or for new-experts where the model never grew
void apply_trainable(std::string const& rule, ModelConfig& model);

}  // namespace isogloss

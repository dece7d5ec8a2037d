// train/trainer.h - the main loop: batches in, updates out, checkpoints and metrics on the way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "checkpoint/manifest.h"
#include "comm/mpi_comm.h"
#include "corpus/corpus.h"
#include "corpus/loader.h"
#include "model/language_model.h"
#include "model/optimizer.h"
#include "train/checkpoint_writer.h"
#include "train/config.h"
#include "train/evaluation.h"
#include "train/language_labels.h"
#include "train/run_directory.h"
#include "train/run_record.h"
#include "train/tally.h"

namespace isogloss {

/// Where a run is. With the parameters and the optimizer's state this is all there is to save: the
/// data order is a function of the step.
struct TrainState {
    std::int64_t step = 0;     ///< steps done, applied or skipped
    std::int64_t updates = 0;  ///< steps applied: the optimizer's t
    std::int64_t tokens = 0;   ///< seen by the model, ancestors included
    /// metrics.jsonl has the scores of this step: see has_scores() of train/run_record.h.
    bool is_evaluated = false;
};

/// What a trainer works with. All of it outlives the trainer.
struct TrainerParts {
    RunConfig const& run;
    RunDirectory const& directory;
    Corpus const& corpus;
    RowOrder const& order;
    LanguageLabels const& labels;
    LanguageModel& model;
    Optimizer& optimizer;
    Loader& loader;
    RunRecord& record;
    Log& log;
    StopSignal const& stop;
    MpiComm const& world;
};

class Trainer {
public:
    /// @param info    of the next checkpoints; step, tokens and optimizer step are kept up to date
    /// @param origin  checkpoint that the parameters were loaded from
    Trainer(
        TrainerParts const& parts,
        TrainState const& state,
        CheckpointInfo info,
        StoredCheckpoint origin
    );

    /// Trains to the configured step. Collective over the world.
    /// @return Exit::done, Exit::stopped (asked to; checkpoint written) or Exit::diverged
    Exit run();

    /// The newest checkpoint.
    [[nodiscard]] StoredCheckpoint const& checkpoint() const { return writer_.newest(); }

private:
    /// Steps until the last is done or somebody asks to stop.
    Exit train();
    /// Nothing when asked to stop in the middle of it: what was done of it is dropped.
    std::optional<StepReport> step();
    /// The next micro-batch; nothing when asked to stop before every rank has its own, which a slow
    /// disk may delay. Collective.
    std::optional<Batch> next_batch();
    /// On this rank; a time limit is heeded while there is time for a pass and a checkpoint.
    [[nodiscard]] bool stop_requested() const;
    /// Applies the update, or skips it and says what was not finite.
    void apply(StepReport& report);
    /// Is this a step, before the last, after which the model is scored?
    [[nodiscard]] bool evaluation_due() const;
    /// Scores the model unless this step has scores. False when it was asked to stop before the
    /// end: the job that goes on then makes up for it.
    bool evaluate();
    [[nodiscard]] EvaluationRequest evaluation_request() const;
    void save();
    /// Is this a step after which the model is saved?
    [[nodiscard]] bool save_due() const;
    [[nodiscard]] CheckpointInfo const& info();
    /// What ranks must agree on between two steps, in one reduction: is it time to stop, or to
    /// save, and is the save that is under way written? If so it is committed. True to stop.
    [[nodiscard]] bool agree();
    /// Name of the first parameter, in rank order, whose gradient is not finite; collective.
    [[nodiscard]] std::string first_not_finite() const;

    TrainerParts parts_;
    TrainConfig const& config_;
    TrainState state_;
    CheckpointInfo info_;
    StepTally tally_;
    std::int64_t saved_step_ = -1;
    CheckpointWriter writer_;
    Timer since_save_;
    double pass_seconds_ = 0.0;     ///< of one micro-batch, in the last step
    bool is_time_to_save_ = false;  ///< by the clock
    std::int32_t not_finite_in_a_row_ = 0;
};

}  // namespace isogloss

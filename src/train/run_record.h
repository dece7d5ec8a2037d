// train/run_record.h - what a run tells people and scripts: metrics, log lines, progress.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/progress.h"
#include "comm/mpi_comm.h"
#include "model/language_model.h"
#include "train/config.h"
#include "train/evaluation.h"
#include "train/metric_log.h"
#include "train/run_directory.h"
#include "train/tally.h"

namespace isogloss {

/// One step, the same on every rank.
struct StepReport {
    std::int64_t step = 0;    ///< number of the step, 1 first
    std::int64_t tokens = 0;  ///< seen by the model so far
    double step_tokens = 0.0;
    double gradient_norm = 0.0;
    double learning_rate = 0.0;
    double seconds = 0.0;
    bool applied = true;  ///< false: not finite, skipped
    PhaseSeconds phases;  ///< of rank 0
};

/// One checkpoint, the same on every rank but for the clocks.
struct CheckpointReport {
    std::int64_t step = 0;
    double stood_still = 0.0;  ///< seconds that training waited for it
    double writing = 0.0;      ///< seconds that the slowest rank wrote
    double seconds = 0.0;      ///< from its beginning to its commit
    std::int64_t bytes_written = 0;
    std::int64_t bytes_linked = 0;
};

/// Does metrics.jsonl have the scores of `step`? Collective over `world`: rank 0 looks.
bool has_scores(RunDirectory const& directory, std::int64_t step, MpiComm const& world);

/// Rank 0 writes; on other ranks every call does nothing.
class RunRecord {
public:
    /// @param first_step  the run goes on after this step
    RunRecord(
        RunDirectory const& directory,
        TrainConfig const& config,
        std::int64_t first_step,
        ProgressStyle style,
        Log& log,
        int rank
    );

    void step(StepReport const& report, StepTally const& tally);
    void evaluation(std::int64_t step, std::vector<LanguageScore> const& scores);
    void checkpoint(CheckpointReport const& report);
    void finish();

private:
    struct Files {
        MetricLog metrics;
        Progress progress;
    };

    std::unique_ptr<Files> files_;  // null on ranks other than 0
    TrainConfig config_;
    Log& log_;
};

}  // namespace isogloss

// train/run_record.cpp
#include "train/run_record.h"

#include <fmt/format.h>

#include "base/text.h"
#include "comm/collective.h"

namespace isogloss {
namespace {

constexpr char const* kScores = "valid_bits_per_byte";

Json metrics_of(StepReport const& report, StepTally const& tally) {
    Json seconds = {{"step", report.seconds}};
    for (auto const& [phase, value] : report.phases) {
        seconds[phase] = value;
    }
    return {
        {"step", report.step},
        {"tokens", report.tokens},
        {"loss", tally.loss()},
        {"balance_loss", tally.balance_loss()},
        {"gradient_norm", report.gradient_norm},
        {"learning_rate", report.learning_rate},
        {"tokens_per_second", report.step_tokens / report.seconds},
        {"imbalance", tally.imbalance()},
        {"applied", report.applied},
        {"language_loss", tally.language_loss()},
        {"expert_shares", tally.expert_shares()},
        {"seconds", std::move(seconds)}};
}

// What the run asks of routers: name in metrics.jsonl, words in the log, value.
struct Asked {
    char const* name;
    char const* words;
    double value;
};

std::vector<Asked> asked_of_routers(TrainConfig const& config, StepTally const& tally) {
    auto const losses = tally.router_losses();
    std::vector<Asked> asked;
    if (config.classification_coef > 0.0) {
        asked.push_back({"classification_loss", "classification loss", losses.classification});
    }
    if (config.priors_coef > 0.0) {
        asked.push_back({"priors_loss", "priors loss", losses.priors});
    }
    if (config.classifier_coef > 0.0) {
        asked.push_back({"classifier_loss", "classifier loss", losses.classifier});
    }
    if (config.classify()) {
        asked.push_back({"classifier_accuracy", "classifier accuracy", tally.classifier_accuracy()}
        );
    }
    return asked;
}

}  // namespace

bool has_scores(RunDirectory const& directory, std::int64_t step, MpiComm const& world) {
    bool const found = world.rank() == 0 && has_line(directory.root(), step, kScores);
    return any_of(found, world);
}

RunRecord::RunRecord(
    RunDirectory const& directory,
    TrainConfig const& config,
    std::int64_t first_step,
    ProgressStyle style,
    Log& log,
    int rank
)
    : config_(config), log_(log) {
    if (rank == 0) {
        files_.reset(new Files{
            MetricLog(directory.root(), first_step),
            Progress(style, "train", static_cast<double>(config.steps), "steps")});
        files_->progress.start_at(static_cast<double>(first_step));
    }
}

void RunRecord::step(StepReport const& report, StepTally const& tally) {
    if (!files_) {
        return;
    }
    auto metrics = metrics_of(report, tally);
    std::string of_routers;
    for (auto const& asked : asked_of_routers(config_, tally)) {
        metrics[asked.name] = asked.value;
        of_routers += fmt::format(", {} {:.4f}", asked.words, asked.value);
    }
    files_->metrics.write(metrics);
    files_->progress.update(
        static_cast<double>(report.step),
        fmt::format(
            "loss {:.4f}  {:.0f} tokens/s", tally.loss(), report.step_tokens / report.seconds
        )
    );
    if (report.step % config_.log_every == 0 || report.step == config_.steps) {
        log_.to_file(fmt::format(
            "step {} of {}: loss {:.4f}{}, gradient norm {:.3f}, learning rate {:.3g}, {:.0f} "
            "tokens/s",
            report.step, config_.steps, tally.loss(), of_routers, report.gradient_norm,
            report.learning_rate, report.step_tokens / report.seconds
        ));
    }
}

void RunRecord::evaluation(std::int64_t step, std::vector<LanguageScore> const& scores) {
    if (!files_) {
        return;
    }
    std::string line;
    Json bits = Json::object();
    for (auto const& score : scores) {
        line += fmt::format(" {} {:.3f}", score.language, score.bits_per_byte());
        bits[score.language] = score.bits_per_byte();
    }
    files_->metrics.write({{"step", step}, {kScores, std::move(bits)}});
    log_.info(fmt::format("step {}: bits per byte{}", step, line));
}

void RunRecord::checkpoint(CheckpointReport const& report) {
    if (!files_) {
        return;
    }
    files_->metrics.write(
        {{"step", report.step},
         {"checkpoint_seconds", report.stood_still},
         {"checkpoint_writing_seconds", report.writing},
         {"checkpoint_bytes", report.bytes_written},
         {"checkpoint_bytes_linked", report.bytes_linked}}
    );
    log_.to_file(fmt::format(
        "step {}: checkpoint: {} written in {}, {} linked; training stood still for {:.3f} s",
        report.step, bytes_text(report.bytes_written), duration_text(report.writing),
        bytes_text(report.bytes_linked), report.stood_still
    ));
}

void RunRecord::finish() {
    if (files_) {
        files_->progress.finish();
    }
}

}  // namespace isogloss

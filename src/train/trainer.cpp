// train/trainer.cpp
#include "train/trainer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/math.h"
#include "comm/activity.h"
#include "comm/collective.h"
#include "device/copy.h"
#include "train/data_order.h"
#include "train/update.h"

namespace isogloss {
namespace {

bool due(std::int64_t every, std::int64_t step) {
    return every > 0 && step % every == 0;
}

std::vector<std::string> tags_of(Corpus const& corpus) {
    std::vector<std::string> tags;
    for (auto const& record : corpus.languages()) {
        tags.push_back(record.tag);
    }
    return tags;
}

void add_phases(PhaseSeconds& sum, PhaseSeconds const& phases) {
    for (std::size_t i = 0; i < phases.size(); ++i) {
        if (i < sum.size()) {
            sum[i].second += phases[i].second;
        } else {
            sum.push_back(phases[i]);
        }
    }
}

}  // namespace

Trainer::Trainer(
    TrainerParts const& parts, TrainState const& state, CheckpointInfo info, StoredCheckpoint origin
)
    : parts_(parts),
      config_(parts.run.train),
      state_(state),
      info_(std::move(info)),
      tally_(parts.model.config(), tags_of(parts.corpus)),
      // A run that goes on has this step on disk already.
      saved_step_(origin.folder == parts.directory.checkpoint(state.step) ? state.step : -1),
      writer_(
          {parts.directory, parts.run.train, parts.model, parts.optimizer, parts.record, parts.log,
           parts.world},
          std::move(origin)
      ) {}

Exit Trainer::train() {
    while (state_.step < config_.steps) {
        if (agree()) {
            return Exit::stopped;
        }
        auto const report = step();
        if (!report) {
            return Exit::stopped;
        }
        parts_.record.step(*report, tally_);
        if (not_finite_in_a_row_ >= config_.max_not_finite) {
            return Exit::diverged;
        }
        if (save_due()) {
            save();
        }
        if (evaluation_due()) {
            evaluate();
        }
    }
    return Exit::done;
}

Exit Trainer::run() {
    warn_without_text(evaluation_request(), parts_.corpus, parts_.world, parts_.log);
    writer_.require_room(info());
    since_save_.restart();
    if (evaluation_due()) {  // and cut off in the job before
        evaluate();
    }
    auto const exit = train();
    if (exit != Exit::diverged) {
        save();
    }
    writer_.finish();
    if (exit == Exit::diverged) {
        return exit;
    }
    if (exit == Exit::stopped) {
        parts_.log.info(fmt::format(
            "stopped on request at step {} of {}; run the same command again to go on", state_.step,
            config_.steps
        ));
        return Exit::stopped;
    }
    bool const finished = evaluate();
    parts_.record.finish();
    return finished ? Exit::done : Exit::stopped;
}

std::optional<StepReport> Trainer::step() {
    mark_step(state_.step + 1);
    Timer const timer;
    StepReport report;
    auto options = step_options(config_, parts_.order, parts_.labels, state_.step);
    auto const waited = parts_.loader.seconds_waited();
    PhaseSeconds phases;
    tally_.clear();
    parts_.model.parameters().restart_gradients();
    for (std::int64_t slice = 0; slice < config_.num_slices(); ++slice) {
        auto const batch = next_batch();
        if (!batch) {
            return std::nullopt;
        }
        options.routing = routing_of(config_, parts_.labels, *batch);
        options.optimizer = slice + 1 == config_.num_slices() ? &parts_.optimizer : nullptr;
        tally_.add(*batch, parts_.model.train(*batch, options));
        add_phases(phases, parts_.model.phase_seconds());
    }
    report.phases = {{"data", parts_.loader.seconds_waited() - waited}};
    report.phases.insert(report.phases.end(), phases.begin(), phases.end());
    mark_phase("reducing gradients");
    Timer const reducing;
    tally_.reduce(parts_.world);
    report.gradient_norm = parts_.optimizer.reduce_gradients(parts_.world);
    report.phases.emplace_back("reduce", reducing.seconds());

    mark_phase("updating");
    Timer const updating;
    apply(report);
    report.phases.emplace_back("update", updating.seconds());

    state_.tokens += static_cast<std::int64_t>(options.counted_targets);
    report.step = ++state_.step;
    state_.is_evaluated = false;
    report.tokens = state_.tokens;
    report.step_tokens = options.counted_targets;
    report.seconds = timer.seconds();
    pass_seconds_ = report.seconds / static_cast<double>(config_.num_slices());
    return report;
}

std::optional<Batch> Trainer::next_batch() {
    constexpr double kPollSeconds = 0.5;
    mark_phase("reading data");
    while (true) {
        bool const is_ready = parts_.loader.is_ready_within(kPollSeconds);
        std::int64_t const own = stop_requested() ? 2 : is_ready ? 0 : 1;
        auto const worst = max_over(own, parts_.world);
        if (worst == 2) {
            return std::nullopt;
        }
        if (worst == 0) {
            return parts_.loader.next();  // read while the last step ran
        }
    }
}

bool Trainer::stop_requested() const {
    return parts_.stop.requested(2.0 * (pass_seconds_ + writer_.seconds_to_save()));
}

void Trainer::apply(StepReport& report) {
    report.applied = std::isfinite(tally_.loss()) && std::isfinite(report.gradient_norm);
    if (!report.applied) {  // loss and norm are the same on every rank, so all ranks come here
        ++not_finite_in_a_row_;
        auto const parameter = first_not_finite();
        if (parts_.world.rank() != 0) {
            return;
        }
        parts_.log.warning(fmt::format(
            "step {}: loss {}, gradient norm {}: not applied ({} in a row); languages {}; first "
            "gradient that is not finite: {}",
            state_.step + 1, tally_.loss(), report.gradient_norm, not_finite_in_a_row_,
            tally_.languages_seen(), parameter.empty() ? "none" : parameter
        ));
        return;
    }
    not_finite_in_a_row_ = 0;
    ++state_.updates;
    auto const update = update_of(config_, state_.step, state_.updates, report.gradient_norm);
    report.learning_rate = update.learning_rate;
    parts_.optimizer.update(update);
}

bool Trainer::evaluation_due() const {
    return 0 < state_.step && state_.step < config_.steps &&
           due(config_.evaluate_every, state_.step);
}

EvaluationRequest Trainer::evaluation_request() const {
    EvaluationRequest request;
    for (auto const language : languages_of(parts_.run.data, parts_.corpus).all()) {
        request.languages.push_back(parts_.corpus.languages()[index(language)].tag);
    }
    request.routing = routing_of(config_);
    request.row_length = config_.row_length;
    request.rows = ceil_div(config_.slice_rows(), parts_.world.size());
    request.max_tokens = config_.evaluate_tokens;
    request.stop = [this] { return parts_.stop.requested(); };
    return request;
}

bool Trainer::evaluate() {
    if (state_.is_evaluated) {
        return true;
    }
    mark_phase("evaluating");
    auto const scores =
        isogloss::evaluate(parts_.model, parts_.corpus, evaluation_request(), parts_.world);
    if (scores) {
        parts_.record.evaluation(state_.step, *scores);
        state_.is_evaluated = true;
    }
    return scores.has_value();
}

CheckpointInfo const& Trainer::info() {
    info_.step = state_.step;
    info_.tokens_seen = state_.tokens;
    info_.optimizer_step = state_.updates;
    return info_;
}

void Trainer::save() {
    if (saved_step_ == state_.step) {
        return;
    }
    writer_.save(info());
    saved_step_ = state_.step;
    since_save_.restart();
    is_time_to_save_ = false;
}

bool Trainer::save_due() const {
    return is_time_to_save_ || due(config_.checkpoint_every, state_.step);
}

bool Trainer::agree() {
    constexpr double kMinute = 60.0;
    // Rank 0's clock is everybody's.
    bool const is_time = parts_.world.rank() == 0 && config_.checkpoint_minutes > 0.0 &&
                         since_save_.seconds() >= kMinute * config_.checkpoint_minutes;
    std::array<std::int64_t, 3> ranks{
        stop_requested() ? 1 : 0, is_time ? 1 : 0, writer_.is_writing() ? 1 : 0};
    sum_over(ranks, parts_.world);
    is_time_to_save_ = ranks[1] > 0;
    if (writer_.is_under_way() && ranks[2] == 0) {
        writer_.commit();
    }
    return ranks[0] > 0;
}

std::string Trainer::first_not_finite() const {
    std::string found;
    auto const& table = parts_.model.parameters();
    for (auto const& piece : state_pieces(table, parts_.optimizer)) {
        if (!found.empty()) {
            break;
        }
        auto const [begin, end] = piece.range;
        Buffer<float> room;
        auto const gradient =
            on_host(table.gradient(piece.parameter).rows(begin, end), room, Stream{});
        if (!std::ranges::all_of(gradient.span(), [](float x) { return std::isfinite(x); })) {
            found = table.specs()[piece.parameter].name;
        }
    }
    for (auto const& name : gather_all(found, parts_.world)) {
        if (!name.empty()) {
            return name;
        }
    }
    return {};
}

}  // namespace isogloss

// train/evaluation.cpp
#include "train/evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "comm/collective.h"
#include "train/evaluation_work.h"

namespace isogloss {
namespace {

PassRouting routing_of(
    EvaluationRequest const& request, EvaluationWork const& work, Batch const& batch
) {
    auto routing = request.routing;
    auto const rows = static_cast<std::size_t>(batch.rows);
    routing.rows = {};
    if (routing.mode == RoutingMode::hard) {
        routing.rows.expert.assign(rows, work.expert);
    } else if (routing.classify) {
        routing.rows.is_old.assign(rows, 0);  // any label: classifiers count labelled rows alone
    }
    return routing;
}

// Adds the row's losses with the weight of the protocol.
void add_row(
    EvaluationRequest const& request,
    std::int64_t row,
    double loss,
    std::int64_t targets,
    LanguageScore& score
) {
    bool const is_released = request.protocol == Protocol::strided &&
                             request.strided.weighting == WindowWeighting::released;
    auto const weight = targets - (is_released && row > 0 ? 1 : 0);
    if (weight > 0) {
        score.loss_sum += loss * static_cast<double>(weight) / static_cast<double>(targets);
        score.targets += weight;
    }
}

struct Sums {
    Sums(std::string const& language, ModelConfig const& config) : routing(config) {
        score.language = language;
    }
    LanguageScore score;
    RoutingTally routing;
};

// One forward pass of every rank over its part of `rows`.
void score_rows(
    LanguageModel& model,
    EvaluationRequest const& request,
    EvaluationWork const& work,
    Range rows,
    MpiComm const& world,
    Sums& sums
) {
    auto const batch = read_part(work, rows, world);
    auto const pass = model.evaluate(batch, routing_of(request, work, batch));
    auto const first = rows.begin + even_part(rows.size(), world.size(), world.rank()).begin;
    for (std::size_t i = 0; i < pass.row_loss.size(); ++i) {
        auto const row = first + static_cast<std::int64_t>(i);
        add_row(request, row, pass.row_loss[i], pass.row_targets[i], sums.score);
    }
    if (request.shares != nullptr) {
        sums.routing.add(pass);
    }
}

// Sums over ranks, and the text that the tokens stand for: the split's, in proportion.
LanguageScore finish(
    EvaluationRequest const& request, EvaluationWork const& work, MpiComm const& world, Sums& sums
) {
    auto& score = sums.score;
    score.loss_sum = sum_over(score.loss_sum, world);
    score.targets = sum_over(score.targets, world);
    score.bytes_of_text = work.bytes_of_text * static_cast<double>(score.targets) / work.targets;
    if (request.shares != nullptr) {
        sums.routing.reduce(world);
        sums.routing.add_to(*request.shares, work.language);
    }
    return score;
}

bool agreed_to_stop(EvaluationRequest const& request, MpiComm const& world) {
    return request.stop && any_of(request.stop(), world);
}

}  // namespace

double LanguageScore::loss() const {
    return targets > 0 ? loss_sum / static_cast<double>(targets)
                       : std::numeric_limits<double>::quiet_NaN();
}

double LanguageScore::perplexity() const {
    return std::exp(loss());
}

double LanguageScore::bits_per_byte() const {
    return loss_sum / (std::numbers::ln2 * bytes_of_text);
}

std::optional<std::vector<LanguageScore>> evaluate(
    LanguageModel& model,
    Corpus const& corpus,
    EvaluationRequest const& request,
    MpiComm const& world
) {
    auto const list = plan_evaluation(request, corpus, model.config());
    std::int64_t rows_in_all = 0;
    for (auto const& work : list) {
        rows_in_all += work.rows;
    }
    Progress progress(
        progress_style(request.progress, world.rank()), request.label,
        static_cast<double>(rows_in_all), "rows"
    );
    std::vector<LanguageScore> scores;
    std::int64_t rows_done = 0;
    for (auto const& work : list) {
        Sums sums(work.language, model.config());
        for (std::int64_t first = 0; first < work.rows;) {
            if (agreed_to_stop(request, world)) {
                return std::nullopt;
            }
            auto const rows = pass_rows(work, first, request.rows * world.size());
            score_rows(model, request, work, rows, world, sums);
            first = rows.end;
            rows_done += rows.size();
            progress.update(static_cast<double>(rows_done), work.language);
        }
        scores.push_back(finish(request, work, world, sums));
    }
    progress.finish();
    return scores;
}

void warn_without_text(
    EvaluationRequest const& request, Corpus const& corpus, MpiComm const& world, Log& log
) {
    std::string tags;
    for (auto const language : languages_of(request, corpus)) {
        if (corpus.tokens(language, request.split) < 2) {
            tags += " " + corpus.languages()[static_cast<std::size_t>(language)].tag;
        }
    }
    if (!tags.empty() && world.rank() == 0) {
        log.warning(fmt::format(
            "no score for{}: {} has no {} text of it; corpus build --valid-share says how much is "
            "held out",
            tags, corpus.directory().string(), name_of(request.split)
        ));
    }
}

Json to_json(std::vector<LanguageScore> const& scores) {
    Json json = Json::object();
    for (auto const& score : scores) {
        json[score.language] = {
            {"loss", score.loss()},
            {"perplexity", score.perplexity()},
            {"bits_per_byte", score.bits_per_byte()},
            {"tokens", score.targets},
            {"bytes", score.bytes_of_text}};
    }
    return json;
}

Table to_table(std::vector<LanguageScore> const& scores) {
    Table table({"language", "tokens", "loss", "perplexity", "bits per byte"});
    for (auto const& score : scores) {
        table.add_row(
            {score.language, std::to_string(score.targets), decimal_text(score.loss(), 4),
             decimal_text(score.perplexity(), 2), decimal_text(score.bits_per_byte(), 4)}
        );
    }
    return table;
}

}  // namespace isogloss

// train/evaluation.cpp
#include "train/evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <variant>

#include "base/math.h"
#include "comm/collective.h"
#include "corpus/loader.h"
#include "model/language_groups.h"

namespace isogloss {
namespace {

// What is to be scored of one language: `rows` rows, all of one length but the last, which may be
// shorter and then has a pass of its own.
struct Work {
    std::string language;
    std::variant<ValidationSet, StridedWindows> set;
    std::int64_t rows = 0;
    std::int64_t full_rows = 0;
    std::int32_t expert = -1;    // of hard routing
    double bytes_of_text = 0.0;  // of the whole text, whose
    double targets = 0.0;        // tokens but the first are these
};

std::vector<std::int32_t> languages_of(EvaluationRequest const& request, Corpus const& corpus) {
    std::vector<std::int32_t> languages;
    for (auto const& tag : request.languages) {
        languages.push_back(corpus.language_index(tag));
    }
    if (languages.empty()) {
        languages.resize(corpus.languages().size());
        std::iota(languages.begin(), languages.end(), 0);
    }
    return languages;
}

Work row_work(EvaluationRequest const& request, Corpus const& corpus, std::int32_t language) {
    ValidationSet const set(corpus, language, request.split, request.row_length);
    auto const& record = corpus.languages()[static_cast<std::size_t>(language)];
    auto const& counts = record.counts(request.split);
    auto const targets = std::max(std::int64_t{0}, counts.tokens - 1);
    Work work{
        .language = record.tag,
        .set = set,
        .rows = set.rows(),
        .full_rows = targets / request.row_length,
        .bytes_of_text = static_cast<double>(counts.bytes_of_text),
        .targets = static_cast<double>(targets)};
    if (request.max_tokens > 0) {
        work.rows = std::min(work.rows, ceil_div(request.max_tokens, request.row_length));
    }
    return work;
}

Work strided_work(EvaluationRequest const& request, Corpus const& corpus, std::int32_t language) {
    auto text = join_documents(corpus, language, request.split, request.strided);
    auto const targets = static_cast<double>(text.tokens.size()) - 1.0;
    StridedWindows const set(std::move(text.tokens), request.strided, language);
    Work work{
        .language = corpus.languages()[static_cast<std::size_t>(language)].tag,
        .set = set,
        .rows = set.rows(),
        .full_rows = set.full_rows(),
        .bytes_of_text = text.bytes_of_text,
        .targets = targets};
    if (request.max_tokens > 0) {
        auto const& strided = request.strided;
        auto const beyond_first =
            std::max(std::int64_t{0}, request.max_tokens - strided.window + 1);
        work.rows = std::min(work.rows, 1 + ceil_div(beyond_first, strided.stride));
    }
    return work;
}

std::vector<Work> plan_work(
    EvaluationRequest const& request, Corpus const& corpus, ModelConfig const& config
) {
    std::vector<Work> list;
    for (auto const language : languages_of(request, corpus)) {
        auto work = request.protocol == Protocol::rows ? row_work(request, corpus, language)
                                                       : strided_work(request, corpus, language);
        work.full_rows = std::min(work.full_rows, work.rows);
        if (request.routing.mode == RoutingMode::hard) {
            work.expert = hard_expert_of(config, work.language);
        }
        if (work.rows > 0) {
            list.push_back(std::move(work));
        }
    }
    return list;
}

// The rows of the pass that begins at row `first`.
Range pass_rows(Work const& work, std::int64_t first, std::int64_t most) {
    return {first, std::min(first + most, first < work.full_rows ? work.full_rows : work.rows)};
}

// A batch of one row, cut behind its last target.
Batch without_padding(Batch const& batch) {
    auto const targets = batch.targets.view().span();
    auto cut = make_batch(1, std::ranges::find(targets, kNoTarget) - targets.begin());
    auto const copy = [&](Buffer<std::int32_t> const& from, Buffer<std::int32_t>& to) {
        std::copy_n(from.data(), cut.size(), to.data());
    };
    copy(batch.tokens, cut.tokens);
    copy(batch.targets, cut.targets);
    copy(batch.position, cut.position);
    copy(batch.document_start, cut.document_start);
    cut.language = batch.language;
    cut.counted_targets = batch.counted_targets;
    return cut;
}

// This rank's part of a pass.
Batch read_part(Work const& work, Range rows, MpiComm const& world) {
    auto const part = even_part(rows.size(), world.size(), world.rank());
    auto const first = rows.begin + part.begin;
    if (auto const* windows = std::get_if<StridedWindows>(&work.set)) {
        return windows->read(first, part.size());
    }
    auto batch = std::get<ValidationSet>(work.set).read(first, part.size());
    return rows.begin >= work.full_rows && batch.rows == 1 ? without_padding(batch)
                                                           : std::move(batch);
}

PassRouting routing_of(EvaluationRequest const& request, Work const& work, Batch const& batch) {
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
    Work const& work,
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
    EvaluationRequest const& request, Work const& work, MpiComm const& world, Sums& sums
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
    auto const list = plan_work(request, corpus, model.config());
    std::int64_t rows_in_all = 0;
    for (auto const& work : list) {
        rows_in_all += work.rows;
    }
    Progress progress(
        progress_style(request.progress, world.rank()), "evaluate",
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

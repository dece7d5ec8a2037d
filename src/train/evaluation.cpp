// train/evaluation.cpp
#include "train/evaluation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "base/math.h"
#include "comm/collective.h"
#include "corpus/loader.h"

namespace isogloss {
namespace {

// What is to be scored of one language.
struct Work {
    std::int32_t language = 0;
    ValidationSet set;
    std::int64_t rows = 0;
};

std::vector<Work> plan_work(EvaluationRequest const& request, Corpus const& corpus) {
    std::vector<std::int32_t> languages;
    for (auto const& tag : request.languages) {
        languages.push_back(corpus.language_index(tag));
    }
    if (languages.empty()) {
        languages.resize(corpus.languages().size());
        std::iota(languages.begin(), languages.end(), 0);
    }
    std::vector<Work> work;
    for (auto const language : languages) {
        ValidationSet const set(corpus, language, request.split, request.row_length);
        auto rows = set.rows();
        if (request.max_tokens > 0) {
            rows = std::min(rows, ceil_div(request.max_tokens, request.row_length));
        }
        if (rows > 0) {
            work.push_back({language, set, rows});
        }
    }
    return work;
}

// One forward pass of every rank over its part of `rows`.
void score_rows(
    LanguageModel& model,
    ValidationSet const& set,
    Range rows,
    MpiComm const& world,
    LanguageScore& score
) {
    auto const part = even_part(rows.size(), world.size(), world.rank());
    auto const pass = model.evaluate(set.read(rows.begin + part.begin, part.size()));
    score.loss_sum += std::accumulate(pass.row_loss.begin(), pass.row_loss.end(), 0.0);
    score.targets +=
        std::accumulate(pass.row_targets.begin(), pass.row_targets.end(), std::int64_t{0});
}

// Sums over ranks, and the text that the tokens stand for: the split's, in proportion.
void finish_score(LanguageScore& score, SplitCounts const& counts, MpiComm const& world) {
    score.loss_sum = sum_over(score.loss_sum, world);
    score.targets = sum_over(score.targets, world);
    score.bytes_of_text = static_cast<double>(counts.bytes_of_text) *
                          static_cast<double>(score.targets) /
                          static_cast<double>(counts.tokens - 1);
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
    auto const work = plan_work(request, corpus);
    std::int64_t rows_in_all = 0;
    for (auto const& part : work) {
        rows_in_all += part.rows;
    }
    Progress progress(
        progress_style(request.progress, world.rank()), "evaluate",
        static_cast<double>(rows_in_all), "rows"
    );
    std::vector<LanguageScore> scores;
    std::int64_t rows_done = 0;
    auto const rows_a_pass = request.rows * world.size();
    for (auto const& part : work) {
        auto const& record = corpus.languages()[static_cast<std::size_t>(part.language)];
        LanguageScore score{.language = record.tag};
        for (std::int64_t first = 0; first < part.rows; first += rows_a_pass) {
            if (agreed_to_stop(request, world)) {
                return std::nullopt;
            }
            Range const rows{first, std::min(first + rows_a_pass, part.rows)};
            score_rows(model, part.set, rows, world, score);
            rows_done += rows.size();
            progress.update(static_cast<double>(rows_done), record.tag);
        }
        finish_score(score, record.counts(request.split), world);
        scores.push_back(score);
    }
    progress.finish();
    return scores;
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

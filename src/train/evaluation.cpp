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

// One forward pass of every rank over its part of `rows` rows that begin at `first`.
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

bool agreed_to_stop(EvaluationRequest const& request, MpiComm const& world) {
    return request.stop && max_over(static_cast<std::int64_t>(request.stop() ? 1 : 0), world) > 0;
}

std::vector<std::string> tags_of(EvaluationRequest const& request, Corpus const& corpus) {
    if (!request.languages.empty()) {
        return request.languages;
    }
    std::vector<std::string> tags;
    for (auto const& record : corpus.languages()) {
        tags.push_back(record.tag);
    }
    return tags;
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
    std::vector<LanguageScore> scores;
    for (auto const& tag : tags_of(request, corpus)) {
        auto const language = corpus.language_index(tag);
        ValidationSet const set(corpus, language, request.split, request.row_length);
        auto rows = set.rows();
        if (request.max_tokens > 0) {
            rows = std::min(rows, ceil_div(request.max_tokens, request.row_length));
        }
        if (rows == 0) {
            continue;
        }
        LanguageScore score{.language = tag};
        auto const rows_a_pass = request.rows * world.size();
        for (std::int64_t first = 0; first < rows; first += rows_a_pass) {
            if (agreed_to_stop(request, world)) {
                return std::nullopt;
            }
            auto const last = std::min(first + rows_a_pass, rows);
            score_rows(model, set, {first, last}, world, score);
            if (request.progress) {
                request.progress(tag, last, rows);
            }
        }
        score.loss_sum = sum_over(score.loss_sum, world);
        score.targets = sum_over(score.targets, world);
        auto const& counts =
            corpus.languages()[static_cast<std::size_t>(language)].counts(request.split);
        score.bytes_of_text = static_cast<double>(counts.bytes_of_text) *
                              static_cast<double>(score.targets) /
                              static_cast<double>(counts.tokens - 1);
        scores.push_back(score);
    }
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

// train/expert_scan.cpp
#include "train/expert_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "base/require.h"
#include "train/evaluation.h"

namespace isogloss {
namespace {

void require_text(Corpus const& corpus, ScanRequest const& request) {
    require_usage(
        !request.languages.empty(), "no language to scan the experts for; name some (--languages)"
    );
    for (auto const& tag : request.languages) {
        require_usage(
            corpus.tokens(corpus.language_index(tag), request.split) > 1,
            "language {}: has no text in this split; build the corpus with more", tag
        );
    }
}

EvaluationRequest with_expert(ScanRequest const& request, std::int32_t expert) {
    EvaluationRequest evaluation{
        .languages = request.languages,
        .split = request.split,
        .row_length = request.row_length,
        .rows = request.rows,
        .max_tokens = request.max_tokens,
        .forced_expert = expert,
        .progress = request.progress,
        .label = fmt::format("expert {}", expert),
        .stop = request.stop};
    evaluation.routing.mode = RoutingMode::hard;
    return evaluation;
}

ExpertScore score_of(
    std::int32_t expert, std::string group, std::vector<LanguageScore> const& languages
) {
    ExpertScore score{.expert = expert, .group = std::move(group)};
    LanguageScore together;
    for (auto const& language : languages) {
        score.perplexity.push_back(language.perplexity());
        together.loss_sum += language.loss_sum;
        together.targets += language.targets;
    }
    score.together = together.perplexity();
    return score;
}

std::string group_of(ModelConfig const& config, std::int32_t expert) {
    auto const layer = std::ranges::find_if(config.layers, &LayerConfig::has_router);
    return layer->experts[static_cast<std::size_t>(expert)].group;
}

// The first of the least; one that is not a number is never less.
template <class Score>
std::int32_t best_expert(std::vector<ExpertScore> const& experts, Score score) {
    std::int32_t best = 0;
    for (auto const& expert : experts) {
        if (!(score(experts[static_cast<std::size_t>(best)]) <= score(expert)) &&
            !std::isnan(score(expert))) {
            best = expert.expert;
        }
    }
    require_data(
        std::isfinite(score(experts[static_cast<std::size_t>(best)])),
        "no expert has a finite perplexity; is it a trained checkpoint?"
    );
    return best;
}

}  // namespace

std::int32_t scannable_experts(ModelConfig const& config) {
    std::int32_t experts = 0;
    std::size_t of_layer = 0;
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
        auto const& layer = config.layers[i];
        if (!layer.has_router()) {
            continue;
        }
        require_usage(
            experts == 0 || experts == layer.num_experts(),
            "layer {} has {} experts and layer {} has {}: one expert is forced in all layers, so "
            "all need equally many; name sources with `expand apply --source`",
            of_layer, experts, i, layer.num_experts()
        );
        experts = layer.num_experts();
        of_layer = i;
    }
    require_usage(
        experts > 0,
        "no layer has a router, so there is no expert to choose; `upcycle` makes experts"
    );
    return experts;
}

std::optional<ExpertScan> scan_experts(
    LanguageModel& model, Corpus const& corpus, ScanRequest const& request, MpiComm const& world
) {
    auto const num_experts = scannable_experts(model.config());
    require_text(corpus, request);
    ExpertScan result;
    result.languages = request.languages;
    for (std::int32_t e = 0; e < num_experts; ++e) {
        auto const scores = evaluate(model, corpus, with_expert(request, e), world);
        if (!scores) {
            return std::nullopt;
        }
        result.experts.push_back(score_of(e, group_of(model.config(), e), *scores));
        if (e == 0) {
            std::ranges::transform(
                *scores, std::back_inserter(result.tokens), &LanguageScore::targets
            );
        }
    }
    result.best = best_expert(result.experts, [](ExpertScore const& x) { return x.together; });
    for (std::size_t i = 0; i < request.languages.size(); ++i) {
        result.best_of.push_back(best_expert(result.experts, [i](ExpertScore const& x) {
            return x.perplexity[i];
        }));
    }
    return result;
}

Json to_json(ExpertScan const& scan) {
    Json experts = Json::array();
    for (auto const& score : scan.experts) {
        Json perplexities = Json::object();
        for (std::size_t i = 0; i < scan.languages.size(); ++i) {
            perplexities[scan.languages[i]] = score.perplexity[i];
        }
        experts.push_back(
            {{"expert", score.expert},
             {"group", score.group},
             {"perplexity", std::move(perplexities)},
             {"together", score.together}}
        );
    }
    Json best_of = Json::object();
    Json tokens = Json::object();
    for (std::size_t i = 0; i < scan.languages.size(); ++i) {
        best_of[scan.languages[i]] = scan.best_of[i];
        tokens[scan.languages[i]] = scan.tokens[i];
    }
    return {
        {"experts", std::move(experts)},
        {"best", scan.best},
        {"best_of", std::move(best_of)},
        {"tokens", std::move(tokens)}};
}

Table to_table(ExpertScan const& scan) {
    std::vector<std::string> header{"expert", "group"};
    header.insert(header.end(), scan.languages.begin(), scan.languages.end());
    header.insert(header.end(), {"together", "best of"});
    Table table(header);
    for (auto const& score : scan.experts) {
        std::vector<std::string> row{std::to_string(score.expert), score.group};
        std::vector<std::string> best_of;
        for (std::size_t i = 0; i < scan.languages.size(); ++i) {
            row.push_back(decimal_text(score.perplexity[i], 2));
            if (scan.best_of[i] == score.expert) {
                best_of.push_back(scan.languages[i]);
            }
        }
        if (scan.best == score.expert) {
            best_of.emplace_back("all");
        }
        row.push_back(decimal_text(score.together, 2));
        row.push_back(fmt::format("{}", fmt::join(best_of, ",")));
        table.add_row(std::move(row));
    }
    return table;
}

}  // namespace isogloss

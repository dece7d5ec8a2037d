// train/expert_scan.cpp
#include "train/expert_scan.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/math.h"
#include "base/require.h"
#include "comm/collective.h"
#include "corpus/loader.h"

namespace isogloss {
namespace {

// What is read of one language.
struct Work {
    ValidationSet set;
    std::int64_t rows = 0;
};

std::vector<Work> plan_work(Corpus const& corpus, ScanRequest const& request) {
    require_usage(
        !request.languages.empty(), "no language to scan the experts for; name some (--languages)"
    );
    std::vector<Work> work;
    for (auto const& tag : request.languages) {
        ValidationSet const set(
            corpus, corpus.language_index(tag), request.split, request.row_length
        );
        auto rows = set.rows();
        require_usage(
            rows > 0, "language {}: has no text in this split; build the corpus with more", tag
        );
        if (request.max_tokens > 0) {
            rows = std::min(rows, ceil_div(request.max_tokens, request.row_length));
        }
        work.push_back({set, rows});
    }
    return work;
}

struct Loss {
    double sum = 0.0;  ///< nats
    std::int64_t targets = 0;
};

// Runs the passes of a scan, all in the same order on every rank.
class Scan {
public:
    Scan(
        LanguageModel& model,
        ScanRequest const& request,
        std::vector<Work> const& work,
        std::int32_t experts,
        MpiComm const& world
    )
        : model_(model),
          request_(request),
          world_(world),
          progress_(
              progress_style(request.progress, world.rank()),
              "scan",
              static_cast<double>(rows_in_all(work) * experts),
              "rows"
          ) {}

    // Nothing when stopped.
    std::optional<Loss> score(Work const& work, std::int32_t expert) {
        Loss loss;
        auto const rows_a_pass = request_.rows * world_.size();
        for (std::int64_t first = 0; first < work.rows; first += rows_a_pass) {
            if (agreed_to_stop()) {
                return std::nullopt;
            }
            auto const rows = std::min(rows_a_pass, work.rows - first);
            add_pass(work, {first, first + rows}, expert, loss);
            rows_done_ += rows;
            progress_.update(static_cast<double>(rows_done_), fmt::format("expert {}", expert));
        }
        loss.sum = sum_over(loss.sum, world_);
        loss.targets = sum_over(loss.targets, world_);
        return loss;
    }

    void finish() { progress_.finish(); }

private:
    static std::int64_t rows_in_all(std::vector<Work> const& work) {
        std::int64_t rows = 0;
        for (auto const& language : work) {
            rows += language.rows;
        }
        return rows;
    }

    [[nodiscard]] bool agreed_to_stop() const {
        return request_.stop && any_of(request_.stop(), world_);
    }

    void add_pass(Work const& work, Range rows, std::int32_t expert, Loss& loss) {
        auto const part = even_part(rows.size(), world_.size(), world_.rank());
        auto const batch = work.set.read(rows.begin + part.begin, part.size());
        PassRouting routing;
        routing.mode = RoutingMode::hard;
        routing.rows.expert.assign(static_cast<std::size_t>(batch.rows), expert);
        auto const pass = model_.evaluate(batch, routing);
        loss.sum = std::accumulate(pass.row_loss.begin(), pass.row_loss.end(), loss.sum);
        loss.targets =
            std::accumulate(pass.row_targets.begin(), pass.row_targets.end(), loss.targets);
    }

    LanguageModel& model_;
    ScanRequest const& request_;
    MpiComm const& world_;
    Progress progress_;
    std::int64_t rows_done_ = 0;
};

double perplexity(Loss const& loss) {
    return std::exp(loss.sum / static_cast<double>(loss.targets));
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
    auto const work = plan_work(corpus, request);
    ExpertScan result;
    result.languages = request.languages;
    Scan scan(model, request, work, num_experts, world);
    for (std::int32_t e = 0; e < num_experts; ++e) {
        ExpertScore score{.expert = e, .group = group_of(model.config(), e)};
        Loss together;
        for (auto const& language : work) {
            auto const loss = scan.score(language, e);
            if (!loss) {
                return std::nullopt;
            }
            score.perplexity.push_back(perplexity(*loss));
            together.sum += loss->sum;
            together.targets += loss->targets;
            if (e == 0) {
                result.tokens.push_back(loss->targets);
            }
        }
        score.together = perplexity(together);
        result.experts.push_back(std::move(score));
    }
    scan.finish();
    result.best = best_expert(result.experts, [](ExpertScore const& x) { return x.together; });
    for (std::size_t i = 0; i < work.size(); ++i) {
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

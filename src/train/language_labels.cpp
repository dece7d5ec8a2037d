// train/language_labels.cpp
#include "train/language_labels.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/require.h"
#include "base/text.h"
#include "model/language_groups.h"
#include "train/data_order.h"

namespace isogloss {
namespace {

bool contains(std::vector<std::string> const& list, std::string const& tag) {
    return std::ranges::find(list, tag) != list.end();
}

// Is the language one that an expansion was for?
bool was_added(ModelConfig const& model, std::string const& tag) {
    return std::ranges::any_of(model.layers, [&](auto const& layer) {
        return std::ranges::any_of(layer.experts, [&](auto const& expert) {
            return expert.generation > 0 && contains(split_at_commas(expert.group), tag);
        });
    });
}

void check_model(TrainConfig const& train, ModelConfig const& model) {
    bool const has_router = std::ranges::any_of(model.layers, &LayerConfig::has_router);
    bool const has_classifier = std::ranges::any_of(model.layers, &LayerConfig::has_classifier);
    require_usage(
        has_router || train.routing == RoutingMode::top_k,
        "train.routing = hard: no layer of the model has more than one expert; add experts with "
        "`upcycle` or `expand apply`"
    );
    require_usage(
        has_router || (train.classification_coef == 0.0 && train.priors_coef == 0.0),
        "train.classification-coef = {}, train.priors-coef = {}: no layer of the model has a "
        "router; add experts with `upcycle` or `expand apply`",
        train.classification_coef, train.priors_coef
    );
    require_usage(
        has_classifier || !train.classify(),
        "train.classifier-coef = {}: no layer of the model has a classifier; `expand apply` adds "
        "them",
        train.classifier_coef
    );
}

// Expert of each language of the run, where the run asks.
void label_experts(
    LanguageLabels& labels, RunConfig const& run, Corpus const& corpus, ModelConfig const& model
) {
    if (run.train.routing == RoutingMode::top_k && run.train.classification_coef == 0.0) {
        return;
    }
    for (auto const language : languages_of(run.data, corpus).all()) {
        auto const index = static_cast<std::size_t>(language);
        labels.expert[index] = hard_expert_of(model, corpus.languages()[index].tag);
    }
}

// The checkpoints of a run count its languages as known: without this rule a run that goes on would
// take for old what it took for new when it began.
void check_known(
    RunConfig const& run, Corpus const& corpus, ModelConfig const& model, CheckpointInfo const& info
) {
    for (auto const language : languages_of(run.data, corpus).all()) {
        auto const& tag = corpus.languages()[static_cast<std::size_t>(language)].tag;
        require_usage(
            contains(info.languages, tag) || was_added(model, tag),
            "language {} is neither one that the model was trained on nor one that an expert was "
            "added for, so it may be old or new: say which languages are old in data.old-languages",
            tag
        );
    }
}

void check_old(RunConfig const& run, Corpus const& corpus, std::vector<std::string> const& old) {
    auto const& train = run.train;
    std::int64_t of_old = 0;
    std::int64_t of_new = 0;
    for (auto const language : languages_of(run.data, corpus).all()) {
        auto const& tag = corpus.languages()[static_cast<std::size_t>(language)].tag;
        (contains(old, tag) ? of_old : of_new) += 1;
    }
    require_usage(
        of_old > 0,
        "train.priors-coef = {}, train.classifier-coef = {}: none of the run's languages is an old "
        "one ({}); name some in data.replay-languages, or say which are old in data.old-languages",
        train.priors_coef, train.classifier_coef,
        old.empty() ? "the checkpoint names none" : fmt::format("{}", fmt::join(old, ", "))
    );
    require_usage(
        of_new > 0 || train.classifier_coef == 0.0,
        "train.classifier-coef = {}: all languages of the run are old ones; a classifier needs new "
        "ones too: name some in data.languages",
        train.classifier_coef
    );
}

}  // namespace

std::vector<std::string> old_languages(
    DataConfig const& data, ModelConfig const& model, CheckpointInfo const& info
) {
    if (!data.old_languages.empty()) {
        return data.old_languages;
    }
    std::vector<std::string> old;
    for (auto const& tag : info.languages) {
        if (!was_added(model, tag)) {
            old.push_back(tag);
        }
    }
    return old;
}

LanguageLabels label_languages(
    RunConfig const& run, Corpus const& corpus, ModelConfig const& model, CheckpointInfo const& info
) {
    check_model(run.train, model);
    auto const count = corpus.languages().size();
    LanguageLabels labels{
        std::vector<std::int32_t>(count, -1), std::vector<std::int32_t>(count, 0)};
    label_experts(labels, run, corpus, model);
    auto const old = old_languages(run.data, model, info);
    for (auto const& tag : run.data.old_languages) {
        (void)corpus.language_index(tag);  // throws: a misspelt tag would be no one's
    }
    if (run.train.priors_coef > 0.0 || run.train.classifier_coef > 0.0) {
        if (run.data.old_languages.empty()) {
            check_known(run, corpus, model, info);
        }
        check_old(run, corpus, old);
    }
    for (std::size_t i = 0; i < count; ++i) {
        labels.is_old[i] = contains(old, corpus.languages()[i].tag) ? 1 : 0;
    }
    return labels;
}

PassRouting routing_of(TrainConfig const& train) {
    PassRouting routing;
    routing.mode = train.routing;
    routing.classify = train.classify();
    routing.class_one = train.class_one_experts;
    return routing;
}

PassRouting routing_of(TrainConfig const& train, LanguageLabels const& labels, Batch const& batch) {
    auto routing = routing_of(train);
    for (auto const language : batch.language) {
        routing.rows.expert.push_back(labels.expert.at(static_cast<std::size_t>(language)));
        routing.rows.is_old.push_back(labels.is_old.at(static_cast<std::size_t>(language)));
    }
    return routing;
}

PassOptions step_options(
    TrainConfig const& train, RowOrder const& order, LanguageLabels const& labels, std::int64_t step
) {
    PassOptions options;
    options.counted_targets = 0.0;
    for (std::int64_t row = 0; row < order.rows(); ++row) {
        auto const draw = order.draw(step, row);
        auto const language = static_cast<std::size_t>(draw.language);
        auto const targets = static_cast<double>(order.targets(draw));
        options.counted_targets += targets;
        options.labelled_targets += labels.expert.at(language) >= 0 ? targets : 0.0;
        options.old_targets += labels.is_old.at(language) == 1 ? targets : 0.0;
    }
    options.rows = static_cast<double>(order.rows());
    bool const is_soft = train.routing == RoutingMode::top_k;
    options.losses = {
        .balance = is_soft ? train.balance_coef / static_cast<double>(train.num_slices()) : 0.0,
        .balance_scale = train.balance_scale,
        .classification = train.classification_coef,
        .priors = train.priors_coef,
        .priors_form = train.priors_form,
        .priors_mean = train.priors_mean,
        .classifier = train.classifier_coef};
    return options;
}

}  // namespace isogloss

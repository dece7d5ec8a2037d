// model/layer_routing.cpp
#include "model/layer_routing.h"

#include <algorithm>
#include <map>

#include "base/require.h"
#include "device/copy.h"

namespace isogloss {
namespace {

using Labels = std::vector<std::int32_t>;

// What all layers share.
struct Counts {
    double routed_layers = 0.0;
    double classifier_layers = 0.0;
    std::map<std::int32_t, double> layers_of_count;  // experts -> routed layers
};

Counts count_layers(ModelConfig const& config) {
    Counts counts;
    for (auto const& layer : config.layers) {
        if (layer.has_router()) {
            counts.routed_layers += 1.0;
            counts.layers_of_count[layer.num_experts()] += 1.0;
        }
        counts.classifier_layers += layer.has_classifier() ? 1.0 : 0.0;
    }
    return counts;
}

double share_of(double terms) {
    return terms > 0.0 ? 1.0 / terms : 0.0;
}

double priors_layers(LayerConfig const& layer, Counts const& counts, PriorsMean mean) {
    return mean == PriorsMean::tokens ? counts.routed_layers
                                      : static_cast<double>(counts.layers_of_count.size()) *
                                            counts.layers_of_count.at(layer.num_experts());
}

RouterLossTerms loss_terms(
    LayerConfig const& layer, Counts const& counts, PassOptions const& options
) {
    auto const& losses = options.losses;
    RouterLossTerms terms;
    terms.priors_form = losses.priors_form;
    if (layer.has_router()) {
        terms.classification = {
            share_of(counts.routed_layers * options.labelled_targets), losses.classification};
        terms.priors = {
            share_of(priors_layers(layer, counts, losses.priors_mean) * options.old_targets),
            losses.priors};
    }
    if (layer.has_classifier()) {
        bool const by_row = layer.classifier.span == ClassifierSpan::sequence;
        auto const decisions = by_row ? options.rows : options.counted_targets;
        terms.classifier = {share_of(counts.classifier_layers * decisions), losses.classifier};
    }
    return terms;
}

void check_rows(Labels const& labels, Batch const& batch, char const* what) {
    require(
        labels.empty() || static_cast<std::int64_t>(labels.size()) == batch.rows,
        "routing: {} of {} rows for a batch of {}", what, labels.size(), batch.rows
    );
}

void check(PassOptions const& options, Batch const& batch) {
    auto const& rows = options.routing.rows;
    auto const& losses = options.losses;
    bool const is_hard = options.routing.mode == RoutingMode::hard;
    check_rows(rows.expert, batch, "experts");
    check_rows(rows.is_old, batch, "old languages");
    require(
        batch.rows == 0 || !rows.expert.empty() || (!is_hard && losses.classification == 0.0),
        "routing: hard routing and the classification loss need the expert of each row"
    );
    require(
        batch.rows == 0 || !rows.is_old.empty() ||
            (losses.priors == 0.0 && losses.classifier == 0.0),
        "routing: the losses of priors and classifiers need to know which rows are old languages"
    );
    require(
        losses.classifier == 0.0 || (options.routing.classify && !is_hard),
        "routing: a classifier's loss needs soft routing that asks the classifiers"
    );
}

// Each token has its row's label.
Labels over_tokens(Labels const& rows, Batch const& batch) {
    Labels tokens;
    for (auto const label : rows) {
        tokens.insert(tokens.end(), static_cast<std::size_t>(batch.row_length), label);
    }
    return tokens;
}

// The same, -1 where the target does not count.
Labels over_counted(Labels const& rows, Batch const& batch) {
    auto tokens = over_tokens(rows, batch);
    for (std::size_t n = 0; n < tokens.size(); ++n) {
        if (batch.targets.data()[n] < 0) {
            tokens[n] = -1;
        }
    }
    return tokens;
}

// [B] up to the last counted target.
Labels tokens_before_padding(Batch const& batch) {
    Labels lengths;
    for (std::int64_t row = 0; row < batch.rows; ++row) {
        auto const* const target = batch.targets.data() + row * batch.row_length;
        auto length = batch.row_length;
        while (length > 0 && target[length - 1] < 0) {
            --length;
        }
        lengths.push_back(static_cast<std::int32_t>(length));
    }
    return lengths;
}

View<std::int32_t const, 1> stored(Labels const& labels, Arena& arena) {
    if (labels.empty()) {
        return {};
    }
    return copy_to<std::int32_t>(arena, labels, Stream{});
}

}  // namespace

std::vector<Routing> layer_routing(
    ModelConfig const& config, Batch const& batch, PassOptions const& options, Arena& arena
) {
    check(options, batch);
    auto const& rows = options.routing.rows;
    Routing shared;
    shared.mode = options.routing.mode;
    shared.classify = options.routing.classify;
    shared.row_length = batch.row_length;
    if (shared.mode == RoutingMode::hard) {
        shared.expert = stored(over_tokens(rows.expert, batch), arena);
    }
    if (shared.classify) {
        shared.row_tokens = stored(tokens_before_padding(batch), arena);
    }
    auto const group = stored(over_counted(rows.expert, batch), arena);
    auto const is_old = stored(over_counted(rows.is_old, batch), arena);
    auto const counts = count_layers(config);
    std::vector<Routing> layers;
    for (std::int32_t i = 0; i < config.num_layers(); ++i) {
        auto routing = shared;
        if (options.routing.class_one == ClassOneExperts::older) {
            routing.class_one_experts = config.older_experts(i);
        }
        routing.losses = loss_terms(config.layers[static_cast<std::size_t>(i)], counts, options);
        routing.losses.group = group;
        routing.losses.is_old = is_old;
        layers.push_back(routing);
    }
    return layers;
}

}  // namespace isogloss

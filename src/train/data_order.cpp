// train/data_order.cpp
#include "train/data_order.h"

#include <algorithm>
#include <utility>

#include "base/require.h"

namespace isogloss {
namespace {

// Languages of the run by index: those to learn, then those to replay.
struct Selection {
    std::vector<std::int32_t> learned;
    std::vector<std::int32_t> replayed;
};

Selection select(DataConfig const& data, Corpus const& corpus) {
    Selection selection;
    for (auto const& tag : data.languages) {
        selection.learned.push_back(corpus.language_index(tag));
    }
    for (auto const& tag : data.replay_languages) {
        selection.replayed.push_back(corpus.language_index(tag));
    }
    if (data.languages.empty()) {
        for (std::int32_t l = 0; l < static_cast<std::int32_t>(corpus.languages().size()); ++l) {
            if (std::ranges::count(selection.replayed, l) == 0) {
                selection.learned.push_back(l);
            }
        }
    }
    return selection;
}

// Weights by size of the languages listed; the others 0.
std::vector<double> weights_of(
    std::vector<std::int32_t> const& listed, double temperature, Corpus const& corpus
) {
    std::vector<std::int64_t> tokens(corpus.languages().size());
    for (auto const language : listed) {
        tokens[static_cast<std::size_t>(language)] = corpus.tokens(language, Split::train);
        require_usage(
            corpus.tokens(language, Split::train) >= 2, "{}: language {} has {} tokens to train on",
            corpus.directory().string(), corpus.languages()[static_cast<std::size_t>(language)].tag,
            corpus.tokens(language, Split::train)
        );
    }
    return temperature_weights(tokens, temperature);
}

}  // namespace

Mixture make_mixture(RunConfig const& run, Corpus const& corpus) {
    auto const selection = select(run.data, corpus);
    require_usage(!selection.learned.empty(), "data.languages: no language is left to train on");
    auto weights = weights_of(selection.learned, run.data.temperature, corpus);
    for (std::size_t i = 0; i < run.data.weights.size(); ++i) {
        weights[static_cast<std::size_t>(selection.learned[i])] = run.data.weights[i];
    }
    if (!selection.replayed.empty()) {
        auto const old = weights_of(selection.replayed, run.data.temperature, corpus);
        std::vector<std::uint8_t> is_old(weights.size());
        for (auto const language : selection.replayed) {
            weights[static_cast<std::size_t>(language)] = old[static_cast<std::size_t>(language)];
            is_old[static_cast<std::size_t>(language)] = 1;
        }
        weights = replay_weights(weights, is_old, run.data.replay_share);
    }
    MixtureConfig config{
        .weights = std::move(weights),
        .tokens = {},
        .row_length = run.train.row_length,
        .rows = run.train.rows,
        .seed = static_cast<std::uint64_t>(run.train.seed)};
    for (std::int32_t l = 0; l < static_cast<std::int32_t>(corpus.languages().size()); ++l) {
        config.tokens.push_back(corpus.tokens(l, Split::train));
    }
    return Mixture(std::move(config));
}

double counted_targets(Mixture const& mixture, std::int64_t step) {
    auto const& config = mixture.config();
    std::int64_t counted = 0;
    for (std::int64_t row = 0; row < config.rows; ++row) {
        auto const draw = mixture.draw(step, row);
        auto const tokens = config.tokens[static_cast<std::size_t>(draw.language)];
        counted += std::min(config.row_length, tokens - 1 - draw.first);
    }
    return static_cast<double>(counted);
}

}  // namespace isogloss

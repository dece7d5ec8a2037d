// train/data_order.cpp
#include "train/data_order.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "base/require.h"
#include "corpus/language_weights.h"
#include "corpus/windows.h"
#include "model/language_groups.h"
#include "train/given_weights.h"

namespace isogloss {
namespace {

std::size_t at(std::int32_t language) {
    return static_cast<std::size_t>(language);
}

// How much text of each language of the corpus the run reads; 0 of those that it does not name.
struct TextSizes {
    std::vector<std::int64_t> tokens;
    std::vector<double> bytes;
};

void add_text(
    TextSizes& sizes,
    std::vector<std::int32_t> const& languages,
    std::int64_t documents,
    Corpus const& corpus
) {
    for (auto const language : languages) {
        auto const& record = corpus.languages()[at(language)];
        auto const& counts = record.counts(Split::train);
        auto const kept = documents > 0 ? std::min(documents, counts.documents) : counts.documents;
        // The table of documents is mapped: one number of it is read, or none.
        auto const tokens =
            kept == counts.documents
                ? counts.tokens
                : corpus.document_start(language, Split::train)[static_cast<std::size_t>(kept)];
        require_usage(
            tokens >= 2,
            "{}: language {} has {} tokens to train on; build its text into the corpus, or leave "
            "the language out",
            corpus.directory().string(), record.tag, tokens
        );
        sizes.tokens[at(language)] = tokens;
        sizes.bytes[at(language)] = static_cast<double>(counts.bytes_of_text) *
                                    static_cast<double>(tokens) /
                                    static_cast<double>(counts.tokens);
    }
}

TextSizes text_sizes(DataConfig const& data, RunLanguages const& languages, Corpus const& corpus) {
    auto const count = corpus.languages().size();
    TextSizes sizes{std::vector<std::int64_t>(count, 0), std::vector<double>(count, 0.0)};
    add_text(sizes, languages.learned, data.documents, corpus);
    add_text(sizes, languages.replayed, data.replay_documents, corpus);
    return sizes;
}

// `values` of the languages listed; the others 0.
template <class T>
std::vector<T> only(std::vector<std::int32_t> const& listed, std::vector<T> const& values) {
    std::vector<T> kept(values.size(), T{});
    for (auto const language : listed) {
        kept[at(language)] = values[at(language)];
    }
    return kept;
}

// UniMax of the languages listed, which share `rows` of the run's rows.
std::vector<double> even_weights(
    std::vector<std::int32_t> const& listed,
    TextSizes const& sizes,
    RunConfig const& run,
    double rows
) {
    std::vector<double> epoch(sizes.tokens.size(), 0.0);
    for (auto const language : listed) {
        epoch[at(language)] =
            Windows{sizes.tokens[at(language)], run.train.row_length}.rows_an_epoch();
    }
    auto const all = std::accumulate(epoch.begin(), epoch.end(), 0.0);
    auto const epochs = *run.data.unimax;
    require_usage(
        rows <= epochs * all,
        "data.unimax = {}: of {} languages that share {:.0f} rows of {} tokens all would be read "
        "{:.2f} times; lower train.steps or train.rows, or allow more epochs",
        epochs, listed.size(), rows, run.train.row_length, rows / all
    );
    return unimax_weights(epoch, rows, epochs);
}

// Weights of the languages listed, which share `rows` of the run's rows; the others 0.
std::vector<double> weights_of(
    std::vector<std::int32_t> const& listed,
    TextSizes const& sizes,
    RunConfig const& run,
    double rows
) {
    if (run.data.unimax) {
        return even_weights(listed, sizes, run, rows);
    }
    return run.data.alpha ? power_weights(only(listed, sizes.bytes), *run.data.alpha)
                          : temperature_weights(only(listed, sizes.tokens), run.data.temperature);
}

std::vector<double> given_weights(DataConfig const& data, Corpus const& corpus) {
    auto const given = read_given_weights(data.weights, data.languages);
    std::vector<double> weights(corpus.languages().size(), 0.0);
    for (std::size_t i = 0; i < given.tags.size(); ++i) {
        weights[at(corpus.language_index(given.tags[i]))] = given.weights[i];
    }
    return weights;
}

std::vector<double> mixture_weights(
    RunConfig const& run,
    RunLanguages const& languages,
    TextSizes const& sizes,
    Corpus const& corpus
) {
    auto const& data = run.data;
    auto const rows = static_cast<double>(run.train.steps) * static_cast<double>(run.train.rows);
    if (!languages.replayed.empty() && data.replay_share == 0.0) {
        return weights_of(languages.all(), sizes, run, rows);
    }
    auto weights = data.weights.empty()
                       ? weights_of(languages.learned, sizes, run, rows * (1.0 - data.replay_share))
                       : given_weights(data, corpus);
    if (languages.replayed.empty()) {
        return weights;
    }
    auto const old = weights_of(languages.replayed, sizes, run, rows * data.replay_share);
    std::vector<std::uint8_t> is_old(weights.size());
    for (auto const language : languages.replayed) {
        weights[at(language)] = old[at(language)];
        is_old[at(language)] = 1;
    }
    return replay_weights(weights, is_old, data.replay_share);
}

GroupChunks group_chunks(
    RunConfig const& run,
    Corpus const& corpus,
    ModelConfig const& model,
    std::vector<std::int32_t> const& languages,
    TextSizes sizes
) {
    std::map<std::int32_t, std::vector<std::int32_t>> groups;  // by expert, so in its order
    for (auto const language : languages) {
        groups[hard_expert_of(model, corpus.languages()[at(language)].tag)].push_back(language);
    }
    GroupChunksConfig config;
    config.row_length = run.train.row_length;
    config.rows = run.train.rows;
    config.chunk_rows = run.data.chunk_rows;
    config.seed = static_cast<std::uint64_t>(run.train.seed);
    for (auto const& [expert, members] : groups) {
        config.weights.push_back(
            power_weights(only(members, sizes.bytes), run.data.alpha.value_or(kGroupAlpha))
        );
        std::int64_t rows = run.data.group_budget / config.row_length;
        for (std::size_t i = 0; run.data.group_budget == 0 && i < members.size(); ++i) {
            Windows const windows{sizes.tokens[at(members[i])], config.row_length};
            rows += static_cast<std::int64_t>(windows.rows_an_epoch());
        }
        config.lengths.push_back(rows);
    }
    config.tokens = std::move(sizes.tokens);
    return GroupChunks(std::move(config));
}

}  // namespace

std::vector<std::int32_t> RunLanguages::all() const {
    auto both = learned;
    both.insert(both.end(), replayed.begin(), replayed.end());
    return both;
}

RunLanguages languages_of(DataConfig const& data, Corpus const& corpus) {
    RunLanguages languages;
    for (auto const& tag : data.languages) {
        languages.learned.push_back(corpus.language_index(tag));
    }
    for (auto const& tag : data.replay_languages) {
        require_usage(
            std::ranges::count(corpus.languages(), tag, &LanguageRecord::tag) == 1,
            "data.replay-languages: {} has no text of {}; build it into the corpus, or leave the "
            "language out",
            corpus.directory().string(), tag
        );
        languages.replayed.push_back(corpus.language_index(tag));
    }
    if (data.languages.empty()) {
        for (std::int32_t l = 0; l < static_cast<std::int32_t>(corpus.languages().size()); ++l) {
            if (std::ranges::count(languages.replayed, l) == 0) {
                languages.learned.push_back(l);
            }
        }
    }
    return languages;
}

RowOrder make_order(RunConfig const& run, Corpus const& corpus, ModelConfig const& model) {
    auto const languages = languages_of(run.data, corpus);
    require_usage(!languages.learned.empty(), "data.languages: no language is left to train on");
    auto sizes = text_sizes(run.data, languages, corpus);
    if (run.data.order == OrderRule::group_chunks) {
        return RowOrder(group_chunks(run, corpus, model, languages.learned, std::move(sizes)));
    }
    return RowOrder(Mixture(
        {.weights = mixture_weights(run, languages, sizes, corpus),
         .tokens = std::move(sizes.tokens),
         .row_length = run.train.row_length,
         .rows = run.train.rows,
         .seed = static_cast<std::uint64_t>(run.train.seed)}
    ));
}

}  // namespace isogloss

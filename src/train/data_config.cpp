// train/data_config.cpp
#include "train/data_config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/require.h"
#include "train/given_weights.h"

namespace isogloss {
namespace {

void describe_shares(Options& options, DataConfig& data) {
    options.add(
        "data.temperature", data.temperature,
        "share of a language ~ its tokens^(1/temperature); large makes all equal"
    );
    options.add(
        "data.alpha", data.alpha,
        "share of a language ~ its bytes of text^alpha, instead of data.temperature; in [0, 1]; "
        "none: by temperature, or 0.3 within a group of group-chunks"
    );
    options.add(
        "data.unimax", data.unimax,
        "equal shares, but no language read more than so many times (UniMax), instead of "
        "data.temperature; epochs, above 0"
    );
    options.add(
        "data.weights", data.weights,
        "shares of the rows: TAG=WEIGHT for each language, any scale; @FILE with a line TAG WEIGHT "
        "for each; or a number for each of data.languages"
    );
}

// What the words of data.weights stand for is put in their place, so that a saved config is whole.
std::vector<std::string> resolve_weights(DataConfig& data) {
    try {
        data.weights = words_of_file(data.weights);
    } catch (Error const& error) {
        return {error.what()};
    }
    if (!data.weights.empty() && data.languages.empty()) {
        data.languages = read_given_weights(data.weights, {}).tags;
    }
    return {};
}

// The rules that make shares from sizes, of which a run has one; with data.weights it has none,
// but for languages to replay, whose shares among themselves weights do not say.
void check_shares(DataConfig const& data, Rules& rules) {
    rules.expect(data.temperature > 0.0, "data.temperature = {}: must be > 0", data.temperature);
    rules.expect(
        !data.alpha || (0.0 <= *data.alpha && *data.alpha <= 1.0),
        "data.alpha = {}: must lie in [0, 1]", data.alpha.value_or(0.0)
    );
    rules.expect(
        !data.unimax || (*data.unimax > 0.0 && std::isfinite(*data.unimax)),
        "data.unimax = {}: epochs must be a number > 0", data.unimax.value_or(0.0)
    );
    std::vector<std::string> given;
    if (data.alpha) {
        given.push_back(fmt::format("data.alpha = {}", *data.alpha));
    }
    if (data.unimax) {
        given.push_back(fmt::format("data.unimax = {}", *data.unimax));
    }
    if (data.temperature != 1.0) {
        given.push_back(fmt::format("data.temperature = {}", data.temperature));
    }
    if (!data.weights.empty() && data.replay_languages.empty()) {
        given.emplace_back("data.weights");
    }
    rules.expect(given.size() < 2, "{}: give one of them", fmt::join(given, " and "));
    if (!data.weights.empty()) {
        rules.add(read_given_weights(data.weights, data.languages).faults);
    }
}

void check_chunks(DataConfig const& data, std::int64_t slice, Rules& rules) {
    if (data.order != OrderRule::group_chunks) {
        return;
    }
    rules.expect(data.chunk_rows >= 1, "data.chunk-rows = {}: must be at least 1", data.chunk_rows);
    rules.expect(data.group_budget >= 0, "data.group-budget = {}: must be >= 0", data.group_budget);
    rules.expect(
        slice < 1 || data.chunk_rows % slice == 0,
        "data.order = group-chunks: data.chunk-rows = {} is no multiple of the {} rows of a "
        "micro-batch (train.micro-rows), which must be of one group; use a divisor",
        data.chunk_rows, slice
    );
    rules.expect(
        data.replay_languages.empty() && data.weights.empty() && data.temperature == 1.0 &&
            !data.unimax,
        "data.order = group-chunks takes no data.replay-languages, data.weights, data.unimax or "
        "data.temperature: name all languages in data.languages, and shares by data.alpha"
    );
}

}  // namespace

void describe(Options& options, DataConfig& data, Presence needs) {
    options.add("data.corpus", data.corpus, "folder that `corpus build` made", needs);
    options.add("data.languages", data.languages, "tags to train on; none: all of the corpus");
    describe_shares(options, data);
    options.add("data.replay-languages", data.replay_languages, "old languages to mix in");
    options.add(
        "data.replay-share", data.replay_share,
        "of all rows, over the replay languages, in [0, 1); 0: by their size among all languages"
    );
    options.add(
        "data.documents", data.documents, "first documents of each language to train on; 0: all"
    );
    options.add(
        "data.replay-documents", data.replay_documents,
        "first documents of each replay language; 0: all"
    );
    options.add(
        "data.old-languages", data.old_languages,
        "original languages, for priors and classifiers; none: those the model was trained on that "
        "no later expert was added for"
    );
    options.add_choice(
        "data.order", data.order,
        {{"mixture", OrderRule::mixture}, {"group-chunks", OrderRule::group_chunks}},
        "mixture: rows of all languages by their shares; group-chunks: runs of rows of one "
        "expert's "
        "languages (DMoE)"
    );
    options.add("data.chunk-rows", data.chunk_rows, "group-chunks: consecutive rows of one group");
    options.add(
        "data.group-budget", data.group_budget,
        "group-chunks: tokens that count as a group's text; 0: what there is"
    );
    options.add_check([&data] { return resolve_weights(data); });
}

void check(DataConfig const& data, std::int64_t slice_rows, Rules& rules) {
    check_shares(data, rules);
    check_chunks(data, slice_rows, rules);
    rules.expect(
        0.0 <= data.replay_share && data.replay_share < 1.0,
        "data.replay-share = {}: must lie in [0, 1)", data.replay_share
    );
    rules.expect(
        !data.replay_languages.empty() || (data.replay_share == 0.0 && data.replay_documents == 0),
        "data.replay-share = {} and data.replay-documents = {} without data.replay-languages: name "
        "the languages, or give neither",
        data.replay_share, data.replay_documents
    );
    rules.expect(
        data.replay_languages.empty() || data.replay_share > 0.0 || data.replay_documents > 0,
        "data.replay-languages has {} languages: give data.replay-share or data.replay-documents",
        data.replay_languages.size()
    );
    rules.expect(
        data.weights.empty() || data.replay_languages.empty() || data.replay_share > 0.0,
        "data.weights says nothing of the replay languages: give data.replay-share"
    );
    rules.expect(
        data.documents >= 0 && data.replay_documents >= 0,
        "data.documents = {}, data.replay-documents = {}: must be >= 0", data.documents,
        data.replay_documents
    );
    for (auto const& language : data.languages) {
        rules.expect(
            std::ranges::count(data.languages, language) == 1, "data.languages: {} is named twice",
            language
        );
    }
    for (auto const& language : data.replay_languages) {
        rules.expect(
            std::ranges::count(data.languages, language) == 0,
            "data.replay-languages: {} is among data.languages too; name it once", language
        );
    }
}

}  // namespace isogloss

// cli/corpus_info.cpp
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "base/table.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/corpus_mixture.h"
#include "corpus/corpus.h"
#include "corpus/language_weights.h"

namespace isogloss {
namespace {

enum class Order : std::uint8_t { tag, size };

struct InfoConfig {
    std::filesystem::path directory;
    double temperature = 5.0;
    Order order = Order::tag;
    bool json = false;
};

double ratio(std::int64_t above, std::int64_t below) {
    return below > 0 ? static_cast<double>(above) / static_cast<double>(below)
                     : std::numeric_limits<double>::quiet_NaN();
}

// Blanks say nothing about words where most characters are of scripts that are written without.
bool has_words(SplitCounts const& counts) {
    return 2 * counts.unspaced < counts.characters;
}

double tokens_per_word(SplitCounts const& counts) {
    // A document's separator is no token of its words.
    return has_words(counts) ? ratio(counts.tokens - counts.documents, counts.words)
                             : std::numeric_limits<double>::quiet_NaN();
}

// Indices of languages(); of equal sizes the lower tag first.
std::vector<std::size_t> ordered(Corpus const& corpus, Order order) {
    std::vector<std::size_t> indices(corpus.languages().size());
    std::iota(indices.begin(), indices.end(), std::size_t{0});
    if (order == Order::size) {
        std::ranges::stable_sort(indices, std::ranges::greater(), [&](std::size_t i) {
            return corpus.languages()[i].both_splits().tokens;
        });
    }
    return indices;
}

std::vector<double> shares(Corpus const& corpus, double temperature) {
    std::vector<std::int64_t> tokens;
    std::int64_t sum = 0;
    for (auto const& record : corpus.languages()) {
        tokens.push_back(record.counts(Split::train).tokens);
        sum += tokens.back();
    }
    return sum > 0 ? temperature_weights(tokens, temperature)
                   : std::vector<double>(tokens.size(), 0.0);
}

Json info_json(Corpus const& corpus, InfoConfig const& config) {
    auto const share = shares(corpus, config.temperature);
    auto const& manifest = corpus.manifest();
    Json languages = Json::array();
    for (auto const i : ordered(corpus, config.order)) {
        auto entry = to_json(corpus.languages()[i]);
        auto const sum = corpus.languages()[i].both_splits();
        auto const fertility = tokens_per_word(sum);
        entry["bytes_per_token"] = static_cast<double>(sum.bytes_of_text) /
                                   static_cast<double>(std::max<std::int64_t>(1, sum.tokens));
        entry["tokens_per_word"] = std::isfinite(fertility) ? Json(fertility) : Json(nullptr);
        entry["share"] = share[i];
        languages.push_back(entry);
    }
    return {
        {"corpus", corpus.directory().string()},
        {"tokenizer", {{"kind", manifest.tokenizer_kind}, {"sha256", manifest.tokenizer_sha256}}},
        {"vocab_size", manifest.vocab_size},
        {"valid_share", manifest.valid_share},
        {"temperature", config.temperature},
        {"languages", languages},
    };
}

std::vector<std::string> info_row(
    std::string const& name, LanguageRecord const& record, SplitCounts const& sum, double share
) {
    return {
        name,
        std::to_string(sum.documents),
        std::to_string(record.counts(Split::valid).documents),
        count_text(static_cast<double>(sum.tokens)),
        decimal_text(static_cast<double>(sum.bytes_of_text) * 1e-6, 2),
        decimal_text(tokens_per_word(sum), 2),
        decimal_text(ratio(sum.bytes_of_text, sum.tokens), 2),
        std::to_string(record.duplicates),
        std::to_string(record.faulty()),
        decimal_text(100.0 * share, 2),
    };
}

std::string info_text(Corpus const& corpus, InfoConfig const& config) {
    auto const share = shares(corpus, config.temperature);
    Table table(
        {"language", "documents", "held out", "tokens", "MB text", "tokens/word", "bytes/token",
         "duplicates", "faults", "share %"}
    );
    LanguageRecord total;
    for (auto const i : ordered(corpus, config.order)) {
        auto const& record = corpus.languages()[i];
        table.add_row(info_row(record.tag, record, record.both_splits(), share[i]));
        total.duplicates += record.duplicates;
        total.faults[0] += record.faulty();
        for (std::size_t split = 0; split < kSplits; ++split) {
            total.splits[split] += record.splits[split];
        }
    }
    table.add_rule();
    auto const name = fmt::format("all {}", corpus.languages().size());
    auto row = info_row(name, total, total.both_splits(), 1.0);
    row[5] = "";  // words of languages with and without blanks have no sum
    table.add_row(row);
    auto const& manifest = corpus.manifest();
    return table.text() + fmt::format(
                              "\ntokenizer {} of {} tokens, {}; shares at temperature {}; 1 MB is "
                              "1,000,000 bytes\n",
                              manifest.tokenizer_kind, manifest.vocab_size,
                              manifest.tokenizer_sha256.substr(0, 12), config.temperature
                          );
}

}  // namespace

Exit run_corpus_info(Arguments const& arguments) {
    constexpr char const* kMixture = "--mixture";
    if (std::ranges::count(arguments, kMixture) > 0) {
        auto words = arguments;
        std::erase(words, kMixture);
        return run_corpus_mixture(words);
    }
    InfoConfig config;
    Options options(
        "corpus info",
        "Describes a corpus, language by language. Tokens a word are not shown where most "
        "characters are of scripts without blanks between words."
    );
    options.add_positional("corpus", config.directory, "folder that `corpus build` made");
    options.add_choice(
        "sort", config.order, {{"tag", Order::tag}, {"size", Order::size}},
        "languages by tag, or by tokens, most first"
    );
    options.add("temperature", config.temperature, "of the mixture whose shares are shown");
    bool mixture = false;  // words with it went elsewhere
    options.add(
        "mixture", mixture,
        "say what a planned run reads of each language; with the options of train, see corpus info "
        "--mixture --help"
    );
    options.add("json", config.json, "print one JSON document instead of a table");
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    Corpus const corpus(config.directory);
    fmt::print(
        "{}", config.json ? info_json(corpus, config).dump(2) + "\n" : info_text(corpus, config)
    );
    return Exit::done;
}

}  // namespace isogloss

// cli/corpus_info.cpp
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/table.h"
#include "base/text.h"
#include "cli/commands.h"
#include "corpus/corpus.h"
#include "corpus/mixture.h"

namespace isogloss {
namespace {

void print(std::string const& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
}

// Counts of both splits together.
SplitCounts all_of(LanguageRecord const& record) {
    auto sum = record.counts(Split::train);
    auto const& valid = record.counts(Split::valid);
    sum.documents += valid.documents;
    sum.tokens += valid.tokens;
    sum.bytes_of_text += valid.bytes_of_text;
    return sum;
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

Json info_json(Corpus const& corpus, double temperature) {
    auto const share = shares(corpus, temperature);
    auto const& manifest = corpus.manifest();
    Json languages = Json::array();
    for (std::size_t i = 0; i < corpus.languages().size(); ++i) {
        auto entry = to_json(corpus.languages()[i]);
        auto const sum = all_of(corpus.languages()[i]);
        entry["bytes_per_token"] = static_cast<double>(sum.bytes_of_text) /
                                   static_cast<double>(std::max<std::int64_t>(1, sum.tokens));
        entry["share"] = share[i];
        languages.push_back(entry);
    }
    return {
        {"corpus", corpus.directory().string()},
        {"tokenizer", {{"kind", manifest.tokenizer_kind}, {"sha256", manifest.tokenizer_sha256}}},
        {"vocab_size", manifest.vocab_size},
        {"valid_share", manifest.valid_share},
        {"temperature", temperature},
        {"languages", languages},
    };
}

std::string info_text(Corpus const& corpus, double temperature) {
    auto const share = shares(corpus, temperature);
    Table table(
        {"language", "documents", "held out", "tokens", "bytes of text", "bytes/token", "share %"}
    );
    SplitCounts total;
    auto const row = [&](std::string const& name, SplitCounts const& sum, std::int64_t held_out,
                         double part) {
        auto const ratio = static_cast<double>(sum.bytes_of_text) /
                           static_cast<double>(std::max<std::int64_t>(1, sum.tokens));
        table.add_row(
            {name, std::to_string(sum.documents), std::to_string(held_out),
             count_text(static_cast<double>(sum.tokens)), bytes_text(sum.bytes_of_text),
             decimal_text(ratio, 2), decimal_text(100.0 * part, 2)}
        );
    };
    std::int64_t held_out = 0;
    for (std::size_t i = 0; i < corpus.languages().size(); ++i) {
        auto const& record = corpus.languages()[i];
        auto const sum = all_of(record);
        row(record.tag, sum, record.counts(Split::valid).documents, share[i]);
        total.documents += sum.documents;
        total.tokens += sum.tokens;
        total.bytes_of_text += sum.bytes_of_text;
        held_out += record.counts(Split::valid).documents;
    }
    table.add_rule();
    row("all", total, held_out, 1.0);
    auto const& manifest = corpus.manifest();
    return table.text() + fmt::format(
                              "\ntokenizer {} of {} tokens, {}; shares at temperature {}\n",
                              manifest.tokenizer_kind, manifest.vocab_size,
                              manifest.tokenizer_sha256.substr(0, 12), temperature
                          );
}

}  // namespace

Exit run_corpus_info(Arguments const& arguments) {
    std::filesystem::path directory;
    double temperature = 5.0;
    bool json = false;
    Options options("corpus info", "Describes a corpus, language by language.");
    options.add_positional("corpus", directory, "folder that `corpus build` made");
    options.add("temperature", temperature, "of the mixture whose shares are shown");
    options.add("json", json, "print one JSON document instead of a table");
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    Corpus const corpus(directory);
    print(json ? info_json(corpus, temperature).dump(2) + "\n" : info_text(corpus, temperature));
    return Exit::done;
}

}  // namespace isogloss

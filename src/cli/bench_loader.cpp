// cli/bench_loader.cpp
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>

#include "base/table.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/loader_rounds.h"
#include "cli/median.h"
#include "cli/result.h"

namespace isogloss {
namespace {

void describe(Options& options, LoaderBench& config) {
    options.add_positional(
        "corpus", config.corpus, "folder that `corpus build` made", Presence::optional
    );
    options.add(
        "synthetic-mb", config.synthetic_mb, "MB of random tokens to read, without a corpus"
    );
    options.add("languages", config.languages, "of the synthetic corpus, at most 500");
    options.add("window", config.window, "tokens");
    options.add("windows", config.windows, "read in a round");
    options.add("rounds", config.rounds, "whose median is shown");
    options.add("rows", config.rows, "of a step of the loader");
    options.add_choice(
        "cache", config.cache, {{"warm", Cache::warm}, {"cold", Cache::cold}},
        "of the kernel: warm, read once before; cold, every round after the files were dropped"
    );
    options.add("scratch", config.scratch, "folder for the flat file and the synthetic corpus");
    options.add("out", config.output.out, "also write the result here, as JSON");
    options.add("json", config.output.json, "print one JSON document instead of a table");
    options.add_check([&config] {
        std::vector<std::string> faults;
        if (std::min({config.window, config.windows, config.rounds, config.rows}) < 1) {
            faults.emplace_back("window, windows, rounds, rows: must be above 0");
        }
        if (config.languages < 1 || config.languages > 500) {
            faults.push_back(fmt::format("languages = {}: must lie in [1, 500]", config.languages));
        }
        if (config.corpus.empty() == (config.synthetic_mb <= 0)) {
            faults.emplace_back("name a corpus, or give synthetic-mb");
        }
        return faults;
    });
}

constexpr std::array<std::pair<Reading, char const*>, 2> kReadings{
    {{Reading::plain, "plain"}, {Reading::prefetched, "prefetched"}}};

/// Median of the rounds' ratios: a load on the machine hits both of a round.
double ratio_of(std::vector<double> rates, std::vector<double> const& to) {
    std::ranges::transform(rates, to, rates.begin(), std::divides());
    return median(std::move(rates));
}

Json as_json(LoaderRates const& rates, LoaderBench const& config, std::size_t languages) {
    auto const loader = median(rates.loader);
    auto const& flat = rates.flat.at(Reading::plain);
    Json json{
        {"window", config.window},
        {"cache", config.cache == Cache::warm ? "warm" : "cold"},
        {"languages", languages},
        {"loader_tokens_per_second", loader},
        {"loader_rows_per_second", loader / static_cast<double>(config.window)},
        {"plan_seconds_per_row", rates.plan_seconds},
    };
    for (auto const& [reading, name] : kReadings) {
        auto const& corpus = rates.corpus.at(reading);
        json[name] = Json{
            {"corpus_tokens_per_second", median(corpus)},
            {"flat_tokens_per_second", median(rates.flat.at(reading))},
            {"corpus_of_flat", ratio_of(corpus, rates.flat.at(reading))},
            {"corpus_of_plain_flat", ratio_of(corpus, flat)},
        };
    }
    return json;
}

std::string as_text(LoaderRates const& rates, LoaderBench const& config, std::size_t languages) {
    Table table({"source", "read", "tokens/s", "windows/s", "of flat", "of plain flat"});
    auto const window = static_cast<double>(config.window);
    auto const& plain = rates.flat.at(Reading::plain);
    for (auto const& [reading, name] : kReadings) {
        auto const& flat = rates.flat.at(reading);
        auto const add = [&, read = name](char const* source, std::vector<double> const& its) {
            table.add_row(
                {source, read, count_text(median(its)), count_text(median(its) / window),
                 decimal_text(ratio_of(its, flat), 2), decimal_text(ratio_of(its, plain), 2)}
            );
        };
        add("flat file, mapped", flat);
        add("corpus", rates.corpus.at(reading));
    }
    auto const loader = median(rates.loader);
    return fmt::format(
        "windows of {} tokens in {} languages, {} cache\n\n{}\nloader's thread, whole rows: {} "
        "tokens/s; mixture and order alone: {:.0f} ns a row\n",
        config.window, languages, config.cache == Cache::warm ? "warm" : "cold", table.text(),
        count_text(loader), 1e9 * rates.plan_seconds
    );
}

}  // namespace

Exit run_bench_loader(Arguments const& arguments) {
    LoaderBench config;
    Options options(
        "bench loader",
        "Reads random windows of a corpus, and the same windows of a memory-mapped flat file in "
        "the same run: one after the other (plain), and as the loader does, which asks the kernel "
        "for all windows of a step first (prefetched); then whole rows through the loader's "
        "thread."
    );
    describe(options, config);
    if (options.parse(arguments) == Parsed::help) {
        return print_help(options);
    }
    auto const name = fmt::format("isogloss-bench-{}", ::getpid());
    Scratch const made(config.scratch / (name + "-corpus"));
    Scratch const flat(config.scratch / (name + "-flat"));
    if (config.synthetic_mb > 0) {
        make_random_corpus(made.path(), config.languages, config.synthetic_mb * 1'000'000);
        config.corpus = made.path();
    }
    LoaderSources sources(config.corpus, flat.path(), config.cache);
    auto const languages = sources.corpus().languages().size();
    auto const rates = measure(sources, config);
    give_result(config.output, as_json(rates, config, languages), [&] {
        return as_text(rates, config, languages);
    });
    return Exit::done;
}

}  // namespace isogloss

// cli/bench_loader.cpp
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/random.h"
#include "base/require.h"
#include "base/table.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/loader_sources.h"
#include "cli/median.h"
#include "cli/result.h"
#include "corpus/corpus_part.h"
#include "corpus/loader.h"

namespace isogloss {
namespace {

enum class Cache : std::uint8_t { warm, cold };

struct BenchConfig {
    std::filesystem::path corpus;
    std::filesystem::path scratch = std::filesystem::temp_directory_path();
    std::int64_t synthetic_mb = 0;
    std::int64_t languages = 128;
    std::int64_t window = 2048;
    std::int64_t windows = 20000;
    std::int64_t rounds = 5;
    std::int64_t rows = 64;
    Cache cache = Cache::warm;
    ResultOutput output;
};

void describe(Options& options, BenchConfig& config) {
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

/// A window of one of the two sources.
struct Place {
    std::int32_t language = 0;
    std::int64_t first = 0;    ///< in the language's stream
    std::int64_t in_flat = 0;  ///< in the flat file of all languages
};

std::vector<Place> random_places(
    Corpus const& corpus, BenchConfig const& config, std::uint64_t round
) {
    std::vector<std::int64_t> begin{0};
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(corpus.languages().size()); ++i) {
        begin.push_back(begin.back() + corpus.tokens(i, Split::train));
    }
    std::vector<Place> places;
    for (std::uint64_t i = 0; static_cast<std::int64_t>(places.size()) < config.windows; ++i) {
        require_data(
            i < 100U * static_cast<std::uint64_t>(config.windows), "{}: no language has {} tokens",
            corpus.directory().string(), config.window
        );
        auto const at = static_cast<std::int64_t>(
            random_uniform(1, round, i) * static_cast<double>(begin.back())
        );
        auto const next = std::ranges::upper_bound(begin, at);
        if (at + config.window <= *next) {
            auto const language = static_cast<std::int32_t>(next - begin.begin()) - 1;
            places.push_back({language, at - *(next - 1), at});
        }
    }
    return places;
}

template <class Read>
double tokens_a_second(std::vector<Place> const& places, std::int64_t window, Read&& read) {
    std::vector<std::int32_t> out(static_cast<std::size_t>(window));
    std::int64_t sum = 0;  // used below, so that no copy is left out
    Timer const timer;
    for (auto const& place : places) {
        read(place, std::span(out));
        sum += out.front() + out.back();
    }
    auto const seconds = timer.seconds();
    require(sum >= 0, "tokens sum to {}", sum);
    return static_cast<double>(places.size()) * static_cast<double>(window) / seconds;
}

struct Rates {
    std::vector<double> corpus;  ///< tokens a second of each round, as are all
    std::vector<double> flat;
    std::vector<double> loader;
    std::vector<double> ratio;  ///< corpus over flat, round by round
    double plan_seconds = 0.0;  ///< of one row
};

/// Both sources, opened anew for each round that is to be cold: what is mapped stays in the cache.
class Sources {
public:
    Sources(std::filesystem::path corpus, std::filesystem::path flat, Cache cache)
        : corpus_path_(std::move(corpus)), flat_path_(std::move(flat)), cache_(cache) {
        open();
        write_flat_file(*corpus_, flat_path_);
    }

    Corpus const& corpus() {
        if (cache_ == Cache::cold) {
            open();
            for (auto const& record : corpus_->languages()) {
                drop_from_cache(corpus_path_ / record.file);
            }
        }
        return *corpus_;
    }
    FlatFile const& flat() {
        if (cache_ == Cache::cold || !flat_) {
            flat_.reset();
            if (cache_ == Cache::cold) {
                drop_from_cache(flat_path_);
            }
            flat_.emplace(flat_path_, token_bytes(corpus_->manifest().vocab_size));
        }
        return *flat_;
    }

private:
    // A language's file is opened when it is first asked for: here, so that no round pays for it.
    void open() {
        corpus_.reset();
        corpus_ = std::make_unique<Corpus>(corpus_path_);
        for (std::int32_t i = 0; i < static_cast<std::int32_t>(corpus_->languages().size()); ++i) {
            (void)corpus_->document_start(i, Split::train);
        }
    }

    std::filesystem::path corpus_path_;
    std::filesystem::path flat_path_;
    Cache cache_;
    std::unique_ptr<Corpus> corpus_;
    std::optional<FlatFile> flat_;
};

// Shares by size, but even enough that every language comes: as runs of many languages do.
RowOrder order_of(Corpus const& corpus, BenchConfig const& config) {
    MixtureConfig mixture;
    for (auto const& record : corpus.languages()) {
        mixture.tokens.push_back(record.counts(Split::train).tokens);
        auto const tokens = static_cast<double>(mixture.tokens.back());
        mixture.weights.push_back(tokens < 2.0 ? 0.0 : std::sqrt(tokens));
    }
    mixture.row_length = config.window;
    mixture.rows = config.rows;
    return RowOrder(Mixture(std::move(mixture)));
}

double loader_rate(
    Corpus const& corpus, BenchConfig const& config, RowOrder const& order, std::int64_t round
) {
    auto const steps = std::max<std::int64_t>(2, config.windows / config.rows);
    Loader loader(corpus, order, slice_plan({config.rows, 1}, 1, 0, round * steps));
    Timer const timer;
    for (std::int64_t step = 0; step < steps; ++step) {
        loader.next();
    }
    return static_cast<double>(steps * config.rows * config.window) / timer.seconds();
}

// Mixture and order alone: rows one after the other, as a step asks for them.
double plan_seconds(BenchConfig const& config, RowOrder const& order) {
    constexpr std::int64_t kRows = 200000;
    std::int64_t sum = 0;
    Timer const timer;
    for (std::int64_t row = 0; row < kRows; ++row) {
        sum += order.draw(row / config.rows, row % config.rows).first;
    }
    auto const seconds = timer.seconds();
    require(sum >= 0, "rows begin at {} in all", sum);
    return seconds / static_cast<double>(kRows);
}

// Rounds alternate, so that a load on the machine hits all alike.
Rates measure(Sources& sources, BenchConfig const& config) {
    Rates rates;
    auto const order = order_of(sources.corpus(), config);
    std::int64_t const untimed = config.cache == Cache::warm ? 1 : 0;  // touches the pages
    for (std::int64_t round = 0; round < config.rounds + untimed; ++round) {
        // Cold rounds have places of their own: disks and hosts remember too.
        bool const is_cold = config.cache == Cache::cold;
        auto const& corpus = sources.corpus();
        auto const places =
            random_places(corpus, config, is_cold ? static_cast<std::uint64_t>(round) : 0);
        auto const ours = tokens_a_second(places, config.window, [&](Place const& place, auto out) {
            corpus.window(place.language, Split::train, place.first, out);
        });
        auto const& flat = sources.flat();
        auto const theirs =
            tokens_a_second(places, config.window, [&](Place const& place, auto out) {
                flat.window(place.in_flat, out);
            });
        auto const rows = loader_rate(sources.corpus(), config, order, is_cold ? round : 0);
        if (round >= untimed) {
            rates.corpus.push_back(ours);
            rates.flat.push_back(theirs);
            rates.loader.push_back(rows);
            rates.ratio.push_back(ours / theirs);
        }
    }
    rates.plan_seconds = plan_seconds(config, order);
    return rates;
}

Json as_json(Rates const& rates, BenchConfig const& config, std::size_t languages) {
    auto const loader = median(rates.loader);
    return {
        {"window", config.window},
        {"cache", config.cache == Cache::warm ? "warm" : "cold"},
        {"languages", languages},
        {"corpus_tokens_per_second", median(rates.corpus)},
        {"flat_tokens_per_second", median(rates.flat)},
        {"ratio", median(rates.ratio)},
        {"loader_tokens_per_second", loader},
        {"loader_rows_per_second", loader / static_cast<double>(config.window)},
        {"plan_seconds_per_row", rates.plan_seconds},
    };
}

std::string as_text(Rates const& rates, BenchConfig const& config, std::size_t languages) {
    auto const window = static_cast<double>(config.window);
    auto const flat = median(rates.flat);
    Table table({"source", "tokens/s", "windows/s", "of flat"});
    auto const add = [&](std::string const& name, double rate, double of_flat) {
        table.add_row({name, count_text(rate), count_text(rate / window), decimal_text(of_flat, 2)}
        );
    };
    add("flat file, mapped", flat, 1.0);
    add("corpus", median(rates.corpus), median(rates.ratio));
    add("loader, whole rows", median(rates.loader), median(rates.loader) / flat);
    return fmt::format(
        "windows of {} tokens in {} languages, {} cache\n\n{}\nmixture and order: {:.0f} ns a "
        "row\n",
        config.window, languages, config.cache == Cache::warm ? "warm" : "cold", table.text(),
        1e9 * rates.plan_seconds
    );
}

}  // namespace

Exit run_bench_loader(Arguments const& arguments) {
    BenchConfig config;
    Options options(
        "bench loader",
        "Reads random windows of a corpus, and the same windows of a memory-mapped flat file in "
        "the same run; then whole rows through the loader's thread."
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
    Sources sources(config.corpus, flat.path(), config.cache);
    auto const languages = sources.corpus().languages().size();
    auto const rates = measure(sources, config);
    give_result(config.output, as_json(rates, config, languages), [&] {
        return as_text(rates, config, languages);
    });
    return Exit::done;
}

}  // namespace isogloss
